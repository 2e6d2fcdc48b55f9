"""The front of `python -m pds`: one small function per command.

Whatever is wrong with what was asked is one sentence on stderr and exit code 2.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
from torch import Tensor
from tqdm import tqdm

from pds import filters, limits, models, theory
from pds.commands import compare_cli, evaluate_cli, filter_picture
from pds.commands.bench_cli import add_bench
from pds.commands.sample_cli import counts
from pds.evaluation import tuned_record
from pds.files import images, pictures
from pds.jobs import configs, run_folder, run_model
from pds.portraits import train
from pds.sampling import Sampler
from pds.scores import checkpoints
from pds.sde import SDE, VESDE
from pds.theory import tuned
from pds.web.tabs.compare import live_comparison
from pds.web.tabs.ladder import tab as ladder_tab
from pds.web.tabs.story import tab as story_tab


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
    compare_cli.add(commands.add_parser("compare", help="draw the page's comparison as a PNG"))
    _add_train(commands.add_parser("train", help="train an NCSN++ on portraits, resumable"))
    _add_filter(commands.add_parser("filter", help="estimate filters from images, and draw them"))
    _add_convert(commands.add_parser("convert", help="write any checkpoint as .safetensors"))
    _add_ladder(commands.add_parser("ladder", help="measure the noise left at each N"))
    _add_record(commands.add_parser("record", help="sample the run that the page opens with"))
    _add_show(commands.add_parser("show", help="print the command that made a picture"))
    add_bench(commands.add_parser("bench", help="measure speeds, against what they are held to"))
    evaluate_cli.add(commands.add_parser("evaluate", help="measure samplers against held-out data"))
    _add_tune(commands.add_parser("tune", help="fit a filter to a number of iterations"))
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
        help="folder of images, .npy or .npz of them, a .safetensors checkpoint or a model of the "
        "page to draw some with, or portraits for the drawn ones",
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
    batches, total = _images(arguments)
    masks, changes = filters.convergence(
        filters.running(filters.doubling(tqdm(batches, total=total, unit="batch")))
    )
    if masks is None:
        raise ValueError(f"{arguments.source} gave no image")
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
    path = arguments.out.with_name(f"{arguments.out.name}_gain.png")
    pictures.write(path, pictures.png(filter_picture.drawing(masks), ""))
    print(f"{path}: both gains at alpha = 5")
    if isinstance(batches, images.Images) and batches.skipped:
        listing = ", ".join(batches.skipped[:5]) + (" ..." if len(batches.skipped) > 5 else "")
        print(f"skipped {len(batches.skipped)} that could not be read: {listing}")


def _images(arguments: argparse.Namespace) -> tuple[Iterable[Tensor], int | None]:
    """Return the batches that the source gives, and their number where it is known."""
    source, count, num_steps = arguments.source, arguments.num_images, arguments.num_steps
    if source == "portraits":
        return map(train.pixels, train.rendered(count, size=arguments.size)), None
    num_batches = -(-count // limits.MAX_IMAGES)
    if source in models.MODELS:
        return models.draw(models.load(source), count, num_steps), num_batches
    if source.endswith(".safetensors"):
        model = models.of_network(checkpoints.load(Path(source)))
        return models.draw(model, count, num_steps), num_batches
    return images.Images(Path(source), arguments.size, arguments.channels), None


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
    parser.add_argument("--model", choices=models.MODELS, default="portraits32")
    parser.add_argument("--alpha", type=float, default=5.0)
    parser.add_argument("--counts", type=counts, default=models.LADDER, metavar="N,N,...")
    parser.add_argument("--runs", type=int, default=4, help="of 8 images; default %(default)s")
    parser.set_defaults(run=_ladder)


def _ladder(arguments: argparse.Namespace) -> None:
    print("Power above half Nyquist relative to the data (1 is right, more is grain)")
    print(f"{'N':>6} {'vanilla':>9} {'PDS':>9}")
    for num_steps, vanilla, pds in models.ladder(
        arguments.model, arguments.counts, num_runs=arguments.runs, alpha=arguments.alpha
    ):
        print(f"{num_steps:>6} {vanilla:>9.3f} {pds:>9.3f}", flush=True)


def _add_record(parser: argparse.ArgumentParser) -> None:
    request = models.Request(num_steps=20)
    parser.add_argument("--num-steps", type=int, default=request.num_steps)
    parser.add_argument("--num-images", type=int, default=request.num_images)
    parser.add_argument("--seed", type=int, default=request.seed)
    parser.add_argument("--model", default=request.model)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--ladder", action="store_true", help="record the ladder instead")
    what.add_argument("--tuned", action="store_true", help="record what the story tunes instead")
    parser.add_argument("--counts", type=counts, default=ladder_tab.COUNTS, metavar="N,N,...")
    parser.add_argument("--out", type=Path, help="file; default the one that the page shows")
    parser.set_defaults(run=_record)


def _record(arguments: argparse.Namespace) -> None:
    request = models.Request(
        model=arguments.model,
        num_steps=arguments.num_steps,
        num_images=arguments.num_images,
        seed=arguments.seed,
    )
    if arguments.tuned:
        out = arguments.out or tuned_record.RECORDED
        tuned_record.record(story_tab.FIELDS, out)
        print(f"{out}: {', '.join(story_tab.FIELDS)}")
    elif arguments.ladder:
        out = arguments.out or ladder_tab.RECORDED
        print(f"{out}: {ladder_tab.record(request, out, counts=arguments.counts)['sentence']}")
    else:
        out = arguments.out or live_comparison.FIRST_PAINT
        print(f"{out}: {live_comparison.record(request, out)['verdict']}")


def _add_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "picture", type=Path, metavar="FILE.png", help="drawn by main.py or the page"
    )
    parser.set_defaults(run=_show)


def _show(arguments: argparse.Namespace) -> None:
    picture = arguments.picture
    print(compare_cli.command_of(picture) or run_folder.command_of(picture))


def _add_tune(parser: argparse.ArgumentParser) -> None:
    config = models.ROOT / "configs" / "ve" / "portraits32_ncsnpp.py"
    parser.add_argument("mask", type=Path, metavar="MASK.npy", help="frequency filter of the data")
    parser.add_argument("--num-steps", type=int, required=True, help="iterations to tune it for")
    parser.add_argument("--out", type=Path, required=True, help="such as filters/mine_n66_freq.npy")
    parser.add_argument("--config", type=Path, default=config, help="default the portraits'")
    told = "by default as the configuration says"
    parser.add_argument("--sigma-max", type=float, help=told)
    parser.add_argument("--snr", type=float, help=told)
    parser.add_argument("--num-scales", type=int, help=told)
    parser.set_defaults(run=_tune)


def _tune(arguments: argparse.Namespace) -> None:
    with arguments.mask.open("rb") as file:
        published = filters.read(file, str(arguments.mask), None, kind="frequency")
    sde, sampler, amplitude = _tuned_for(arguments)
    data = tuned.spectrum(published, amplitude=amplitude)
    ones, pds = np.ones_like(data.power), _binned(published, 5.0)
    scalar = theory.tune_scalar(data, sde, sampler)
    gain = tuned.gain(published, sde, sampler, amplitude=amplitude).gain
    alpha = theory.alpha_for(gain)
    mask = theory.mask(gain, alpha)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    filters.save(arguments.out, mask)
    print("For Gaussian data with this spectrum: error W2, power above half Nyquist (1 is right)")
    rows = {
        "vanilla": ones,
        "PDS, alpha 5": pds,
        f"scalar {scalar:.4f}": scalar * ones,
        "best gain": _binned(mask, alpha),
    }
    variance = theory.variances(data, np.stack(list(rows.values())), sde, [sampler] * len(rows))
    errors, left = theory.w2(data, variance), theory.noise_left(data, variance)
    for name, w2, noise in zip(rows, errors, left, strict=True):
        print(f"{name:>14} {w2:>9.5f} {noise:>7.3f}")
    print(f"{arguments.out}: {tuple(mask.shape)}, for {sampler.num_steps} iterations")
    print(f"pass --freq_mask_path {arguments.out} --alpha {alpha:g}")


def _tuned_for(arguments: argparse.Namespace) -> tuple[SDE, Sampler, float]:
    """Return the process, the sampler, and what images in [0, 1] are multiplied by there."""
    configuration = configs.read(arguments.config)
    card, num_steps = configuration.card, arguments.num_steps
    sde = card.sde
    num_scales = card.num_scales if arguments.num_scales is None else arguments.num_scales
    if arguments.sigma_max is not None:
        if not isinstance(sde, VESDE):
            raise ValueError(f"--sigma-max is of a VE process, {arguments.config} has another")
        sde = replace(sde, sigma_max=arguments.sigma_max)
    if not 1 <= num_steps <= num_scales:
        raise ValueError(f"--num-steps must lie in 1 to num_scales {num_scales}, got {num_steps}")
    snr = card.snr if arguments.snr is None else arguments.snr
    predictor, corrector = configs.kernels(configuration.predictor, configuration.corrector, snr)
    sampler = Sampler(
        num_steps=num_steps,
        eps=sde.eps_per_speed_up * models.speed_up(num_scales, num_steps),
        predictor=predictor,
        corrector=corrector,
        num_corrector_steps=configuration.num_corrector_steps,
    )
    return sde, sampler, card.amplitude


def _binned(mask: Tensor, alpha: float) -> theory.Array:
    return theory.bins(filters.gain(mask, alpha).double().mean(0)).power
