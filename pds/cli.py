"""The front of `main.py` and of `python -m pds`: one small function per command.

Whatever is wrong with what was asked is one sentence on stderr and exit code 2.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import NoReturn

from torch import Tensor
from tqdm import tqdm

from pds import (
    checkpoints,
    configs,
    experiments,
    filters,
    images,
    ranks,
    run_folder,
    run_model,
    runs,
    train,
)
from pds.run_request import DTYPES, RunRequest
from pds.web import ladder_tab, session


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
    _add_filter(commands.add_parser("filter", help="estimate filters from images"))
    _add_convert(commands.add_parser("convert", help="write any checkpoint as .safetensors"))
    _add_ladder(commands.add_parser("ladder", help="measure the noise left at each N"))
    _add_record(commands.add_parser("record", help="sample the run that the page opens with"))
    _add_show(commands.add_parser("show", help="print the command that made a picture"))
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
    parser.add_argument(
        "source",
        help="folder of images, .npy or .npz of them, a model of the page to draw some with, "
        "or portraits for the drawn ones",
    )
    parser.add_argument("--out", type=Path, required=True, help="such as filters/mine")
    parser.add_argument("--size", type=int, default=32, help="pixels; default %(default)s")
    parser.add_argument("--channels", type=int, choices=(1, 3), default=3)
    parser.add_argument("--num-images", type=int, default=5000, help="to draw; default %(default)s")
    parser.add_argument(
        "--num-steps", type=int, default=400, help="iterations of a model; default %(default)s"
    )
    parser.set_defaults(run=_filter)


def _filter(arguments: argparse.Namespace) -> None:
    source, folder = arguments.source, None
    batches: Iterable[Tensor]
    if source == "portraits":
        drawn = train.rendered(arguments.num_images, size=arguments.size)
        batches = map(train.pixels, drawn)
    elif source in experiments.MODELS:
        batches = experiments.draw(source, arguments.num_images, arguments.num_steps)
    else:
        batches = folder = images.Images(Path(source), arguments.size, arguments.channels)
    masks, changes = filters.convergence(filters.running(tqdm(batches, unit="batch")))
    if masks is None:
        raise ValueError(f"{source} gave no image")
    print("The gain at alpha = 5 as the number of images doubles, change in %:")
    for change in changes:
        print(
            f"{change.num_images:>7} images: mean {100 * change.mean:.2f}, "
            f"largest {100 * change.largest:.2f}"
        )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    for kind, mask in (("freq", masks.frequency), ("space", masks.space)):
        path = arguments.out.with_name(f"{arguments.out.name}_{kind}.npy")
        filters.save(path, mask)
        print(f"{path}: {tuple(mask.shape)}, {masks.num_images} images")
    if folder is not None and folder.skipped:
        listing = ", ".join(folder.skipped[:5]) + (" ..." if len(folder.skipped) > 5 else "")
        print(f"skipped {len(folder.skipped)} that could not be read: {listing}")


def _add_convert(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", help=".pth or .safetensors file, diffusers folder, or hub name")
    parser.add_argument("--config", type=Path, help="configuration of a .pth, which carries none")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.safetensors")
    parser.add_argument("--force", action="store_true", help="replace the file if it is there")
    parser.set_defaults(run=_convert)


def _convert(arguments: argparse.Namespace) -> None:
    out = arguments.out
    if out.suffix != ".safetensors":
        raise ValueError(f"--out must end in .safetensors, got {out}")
    if out.exists() and not arguments.force:
        raise ValueError(f"{out} is there already; choose another name, or add --force")
    card = configs.read(arguments.config).card if arguments.config else None
    score = run_model.read_checkpoint(arguments.source, card)
    out.parent.mkdir(parents=True, exist_ok=True)
    checkpoints.save(out, score)
    network, count = score.card.network, sum(p.numel() for p in score.network.parameters())
    print(
        f"{out}: {count:,} parameters, {network.num_channels} channels of {network.image_size} px, "
        f"{score.sde}, {score.card.num_scales} levels"
    )


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
    request = experiments.Request(num_steps=20)
    parser.add_argument("--num-steps", type=int, default=request.num_steps)
    parser.add_argument("--num-images", type=int, default=request.num_images)
    parser.add_argument("--seed", type=int, default=request.seed)
    parser.add_argument("--model", default=request.model)
    parser.add_argument("--ladder", action="store_true", help="record the ladder instead")
    parser.add_argument("--counts", type=_counts, default=ladder_tab.COUNTS, metavar="N,N,...")
    parser.add_argument("--out", type=Path, help="file; default the one that the page shows")
    parser.set_defaults(run=_record)


def _record(arguments: argparse.Namespace) -> None:
    request = experiments.Request(
        model=arguments.model,
        num_steps=arguments.num_steps,
        num_images=arguments.num_images,
        seed=arguments.seed,
    )
    if arguments.ladder:
        out = arguments.out or ladder_tab.RECORDED
        print(f"{out}: {ladder_tab.record(request, out, counts=arguments.counts)['sentence']}")
    else:
        out = arguments.out or session.FIRST_PAINT
        print(f"{out}: {session.record(request, out)['verdict']}")


def _add_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("picture", type=Path, metavar="FILE.png", help="drawn by main.py")
    parser.set_defaults(run=_show)


def _show(arguments: argparse.Namespace) -> None:
    print(run_folder.command_of(arguments.picture))


class _OneSentence(argparse.ArgumentParser):
    """A parser whose refusals are one line, like all others."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see python {self.prog} --help\n")


def sample_main(argv: Sequence[str] | None = None) -> int:
    """Run `main.py`: sample as the flags say, and return the exit code."""
    values = vars(_sample_parser().parse_args(argv))
    try:
        mine = ranks.joined()
        with mine.together("request"):
            request = RunRequest(**values)
        summary = runs.run(request, ranks=mine)
        if mine.first:
            print(f"{summary.folder}: {summary.drawn} images drawn, {summary.kept} were there")
        return 0
    except ranks.Elsewhere:
        return 2
    except (ValueError, OSError) as error:
        return _refuse(str(error))
    except (RuntimeError, MemoryError) as error:
        # torch has no common type for the memory of a GPU and of the machine.
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        return _refuse("there is not enough memory for a batch; use a smaller --batch_size")
    except KeyboardInterrupt:
        print("main.py: stopped; what is drawn is kept, run it again to go on", file=sys.stderr)
        return 130


def _refuse(sentence: str) -> int:
    print(f"main.py: {' '.join(sentence.split())}", file=sys.stderr)
    return 2


def _sample_parser() -> argparse.ArgumentParser:
    parser = _OneSentence(
        prog="main.py",
        description="Sample images from a score-based model, with or without preconditioning.",
        epilog="Several GPUs: torchrun --nproc_per_node=K main.py ... draws the same files. A run "
        "that was stopped goes on when it is started again.",
        allow_abbrev=False,
    )
    _add_published(parser.add_argument_group("the paper's flags"))
    _add_images(parser.add_argument_group("images"))
    _add_sampler(parser.add_argument_group("sampler (by default as the configuration says)"))
    _add_pictures(parser.add_argument_group("more to look at"))
    return parser


def _add_published(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--config", required=True, help="such as configs/ve/portraits32_ncsnpp.py")
    add("--workdir", required=True, help="has checkpoints/checkpoint.pth and gets the images")
    add("--eval_folder", default="eval", help="of the images in workdir; default %(default)s")
    add("--speed_up", type=float, default=1.0, help="N = num_scales / speed_up; default 1")
    add("--freq_mask_path", help="frequency filter, .npy; without any filter it is vanilla")
    add("--space_mask_path", help="space filter, .npy")
    add("--alpha", type=float, default=5.0, help="> 1, larger is weaker; default 5")


def _add_images(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--checkpoint",
        help=".pth or .safetensors file, diffusers folder, or hub name such as "
        "google/ncsnpp-church-256",
    )
    add("--num_samples", type=int, help="by default as the configuration says")
    add("--batch_size", type=int, help="by default as the configuration says")
    add("--seed", type=int, default=0, help="image i is drawn from seed + i; default 0")
    add("--only", type=int, metavar="I", help="draw image I of the run and no other")
    add("--device", help="cpu, cuda or cuda:N; default cuda where there is one")
    add("--dtype", choices=DTYPES, default="float32", help="of the network; default float32")


def _add_sampler(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--predictor", help=", ".join(configs.PREDICTORS))
    add("--corrector", help=", ".join(configs.CORRECTORS))
    add("--snr", type=float, help="of the corrector, > 0")
    add("--skew", type=float, default=0.0, help="strength of the skew-symmetric S; default 0")


def _add_pictures(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--compare", action="store_true", help="draw vanilla too, from the same noise")
    add("--trajectory", action="store_true", help="keep the steps, as .webp and as .npz")
    add(
        "--ladder",
        type=_counts,
        default=(),
        metavar="N,N,...",
        help="compare at each N, such as 2000,200,133,100,66, with 1 image unless told",
    )
