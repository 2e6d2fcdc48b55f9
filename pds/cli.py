"""The front of `python -m pds`: one small function per command.

Whatever is wrong with what was asked is one sentence on stderr and exit code 2.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

from torch import Tensor

from pds import experiments, filters, train
from pds.web import session


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except (ValueError, OSError) as error:
        print(f"pds: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("pds: stopped; what was saved is kept", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pds", description="Preconditioned sampling.")
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_train(commands.add_parser("train", help="train an NCSN++ on portraits, resumable"))
    _add_filter(commands.add_parser("filter", help="estimate the filters of the portraits"))
    _add_ladder(commands.add_parser("ladder", help="measure the noise left at each N"))
    _add_record(commands.add_parser("record", help="sample the run that the page opens with"))
    return parser


def _add_train(parser: argparse.ArgumentParser) -> None:
    defaults = {f.name: f.default for f in fields(train.TrainConfig)}
    parser.add_argument("--out", type=Path, required=True, help="folder; run again to go on")
    parser.add_argument("--size", type=int, choices=(32, 64), default=defaults["size"])
    parser.add_argument("--device", default=defaults["device"], help="such as cpu or cuda")
    parser.add_argument("--bf16", action="store_true", help="autocast, faster where supported")
    for name in ("iterations", "num_images", "batch_size", "ema_half_life", "seed"):
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, type=int, default=defaults[name], help="default %(default)s")
    for name in ("learning_rate", "save_seconds"):
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, type=float, default=defaults[name], help="default %(default)s")
    parser.set_defaults(run=_train)


def _train(arguments: argparse.Namespace) -> None:
    names = [f.name for f in fields(train.TrainConfig)]
    config = train.TrainConfig(**{name: getattr(arguments, name) for name in names})
    print(train.train(config))


def _add_filter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, help="such as filters/portraits32")
    parser.add_argument("--size", type=int, choices=(32, 64), default=32)
    parser.add_argument("--num-images", type=int, default=5000)
    parser.set_defaults(run=_filter)


def _filter(arguments: argparse.Namespace) -> None:
    def batches() -> Iterator[Tensor]:
        yield from map(train.pixels, train.rendered(arguments.num_images, size=arguments.size))

    masks = filters.estimate(batches())
    for kind, mask in (("freq", masks.frequency), ("space", masks.space)):
        path = arguments.out.with_name(f"{arguments.out.name}_{kind}.npy")
        filters.save(path, mask)
        print(f"{path}: {tuple(mask.shape)}, {masks.num_images} images")


def _add_ladder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", choices=experiments.MODELS, default="portraits32")
    parser.add_argument("--alpha", type=float, default=5.0)
    parser.add_argument("--counts", type=_counts, default=experiments.LADDER, metavar="N,N,...")
    parser.add_argument("--runs", type=int, default=4, help="of 8 images; default %(default)s")
    parser.set_defaults(run=_ladder)


def _ladder(arguments: argparse.Namespace) -> None:
    print("Power above half Nyquist relative to the data (1 is right, more is grain)")
    print(f"{'N':>6} {'vanilla':>9} {'PDS':>9}")
    for num_steps, vanilla, pds in experiments.ladder(
        arguments.model, arguments.counts, num_runs=arguments.runs, alpha=arguments.alpha
    ):
        print(f"{num_steps:>6} {vanilla:>9.3f} {pds:>9.3f}", flush=True)


def _counts(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        sentence = f"expected whole numbers such as 200,66, got {text!r}"
        raise argparse.ArgumentTypeError(sentence) from None


def _add_record(parser: argparse.ArgumentParser) -> None:
    request = experiments.Request(num_steps=25)
    parser.add_argument("--num-steps", type=int, default=request.num_steps)
    parser.add_argument("--num-images", type=int, default=request.num_images)
    parser.add_argument("--seed", type=int, default=request.seed)
    parser.add_argument("--model", default=request.model)
    parser.add_argument("--out", type=Path, default=session.FIRST_PAINT)
    parser.set_defaults(run=_record)


def _record(arguments: argparse.Namespace) -> None:
    request = experiments.Request(
        model=arguments.model,
        num_steps=arguments.num_steps,
        num_images=arguments.num_images,
        seed=arguments.seed,
    )
    message = session.record(request, arguments.out)
    print(f"{arguments.out}: {message['verdict']}")
