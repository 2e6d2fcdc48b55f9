"""`pds sample`, and `main.py`: the paper's flags, and the others of this project."""

import argparse
from collections.abc import Sequence
from typing import Any

from pds.arms import names
from pds.commands.arguments import add_seed, counts, place, source
from pds.commands.cli import exit_code
from pds.commands.parser import Dotted, Parser
from pds.files.shipped import COMMAND
from pds.jobs import configuration, ranks
from pds.jobs import run as job_run
from pds.jobs.job import DTYPES, WEIGHTS, Job
from pds.jobs.record import FLAGS


def sample_main(argv: Sequence[str] | None = None) -> int:
    """Run `main.py`: sample as the flags say, and return the exit code."""
    arguments = main_parser().parse_args(argv)
    stopped = "stopped; what is sampled is kept, run it again to continue"
    return exit_code(lambda: run(arguments), "main.py", stopped=stopped)


def main_parser() -> argparse.ArgumentParser:
    """Return the parser of `main.py`."""
    parser = Parser(prog="main.py")
    add(parser)
    return parser


def add(parser: argparse.ArgumentParser) -> None:
    """Give a parser all flags of a sampling run."""
    parser.allow_abbrev = False
    parser.description = (
        "Samples images of a score-based model as PNG files, with or without preconditioning. The "
        "flags of the published code mean what they mean there. A run that was stopped goes on "
        "when it is started again. On several GPUs, torchrun --nproc_per_node=K main.py ... writes "
        "the same files."
    )
    config = "configs/ve/portraits32_ncsnpp.py"
    program = f"python {parser.prog}" if parser.prog.endswith(".py") else parser.prog
    parser.epilog = f"""\
Names: {names.FORMS}.

examples:
  {program} --config {config} \\
      --workdir runs/try --speed_up 50 --compare
  {program} --checkpoint my.safetensors --workdir runs/mine --speed_up 30 \\
      --freq_mask_path mine_freq.npy"""
    _add_published(parser.add_argument_group("the paper's flags"))
    _add_images(parser.add_argument_group("images"))
    _add_sampler(parser.add_argument_group("sampler (by default as the configuration says)"))
    _add_pictures(parser.add_argument_group("more to look at"))


def run(arguments: argparse.Namespace) -> None:
    """Draw the missing images, and print how many, and the grain of two samplers.

    Raises:
        ValueError: for anything that cannot be sampled, including a batch that is too large.
        SystemExit: with code 2 on all ranks but the first, which reports the error.
    """
    flags = {name: getattr(arguments, name, None) for name in FLAGS}
    try:
        this_rank = ranks.joined()
        with this_rank.together("request"):
            job = Job.from_flags(flags)
        summary = job_run.run(job, ranks=this_rank)
    except ranks.Elsewhere:
        raise SystemExit(2) from None
    except (RuntimeError, MemoryError) as error:
        # torch has no common exception for GPU and host memory.
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        raise ValueError(
            "there is not enough memory for a batch; use a smaller --batch_size"
        ) from None
    if this_rank.first:
        print(f"{summary.folder}: {summary.drawn} images sampled, {summary.kept} were there")
        for sentence in summary.sentences:
            print(sentence)
        if summary.lost:
            raise ValueError(summary.lost)


class _Mode(argparse.Action):
    """The published flag that chooses between training and sampling: here an error with advice."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        advice = (
            f"{' '.join(COMMAND)} train trains on the drawn portraits, score_sde on other images"
            if values == "train"
            else f"leave --mode {values} out"
        )
        parser.error(f"argument --mode: this program samples and has no other mode; {advice}")


class _Compare(argparse.Action):
    """--compare alone is True, and with two names the list of them."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        given = list(values or ())
        if len(given) not in (0, 2):
            parser.error(
                f"argument --compare: expected the names of two samplers or none, got "
                f"{' '.join(given)}; such as --compare vanilla@100 pds:5@40"
            )
        setattr(namespace, self.dest, given or True)


def _add_published(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--config",
        type=source,
        metavar="FILE.py",
        help="configuration, such as configs/ve/portraits32_ncsnpp.py; shipped ones are found from "
        "any folder. Not needed for a checkpoint that describes itself: a .safetensors of "
        f"`convert`, a diffusers folder, a hub name; then {configuration.OF_CARD}",
    )
    add(
        "--config.KEY",
        action=Dotted,
        metavar="VALUE",
        help="another value of the configuration, such as --config.sampling.snr=0.1; may be "
        "repeated. A flag of its own, such as --snr, goes before it",
    )
    add(
        "--workdir",
        type=place,
        required=True,
        metavar="FOLDER",
        help="folder of the images; may hold the checkpoint in its folder checkpoints",
    )
    add(
        "--eval_folder",
        type=place,
        default="eval",
        metavar="NAME",
        help="folder of the images within workdir; default %(default)s",
    )
    add(
        "--speed_up",
        type=float,
        default=1.0,
        metavar="FACTOR",
        help="N = num_scales / FACTOR iterations, rounded down; default 1. VP and sub-VP need N >= "
        "beta_max = 20, and at N < 100 their corrector has less effect: its step at the first "
        "noise level is scaled by 1 - 20 / N",
    )
    add(
        "--freq_mask_path",
        type=source,
        metavar="FILE.npy",
        help="frequency filter; or `natural`, the filter of natural images, which needs no file "
        "(./natural is a file of that name); without any filter the sampler is vanilla",
    )
    add("--space_mask_path", type=source, metavar="FILE.npy", help="space filter")
    add(
        "--alpha",
        type=float,
        default=5.0,
        metavar="A",
        help="strength of the filters, > 1; larger is weaker; default 5",
    )
    add("--mode", action=_Mode, dest=argparse.SUPPRESS, help=argparse.SUPPRESS)


def _add_images(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--checkpoint",
        type=source,
        metavar="SOURCE",
        help=".pth or .safetensors file, diffusers folder, or hub name such as "
        "google/ncsnpp-church-256; default the one in workdir/checkpoints",
    )
    add(
        "--weights",
        choices=WEIGHTS,
        default="ema",
        help="which weights of a checkpoint that has both: averaged over the training (ema) or the "
        "last ones (raw); default %(default)s",
    )
    unset = "default as in the configuration"
    add("--num_samples", type=int, metavar="N", help=f"images of the run; {unset}")
    add("--batch_size", type=int, metavar="N", help=f"images at a time; {unset}")
    add_seed(group)
    add("--only", type=int, metavar="I", help="sample image I of the run and no other")
    add(
        "--device",
        metavar="DEVICE",
        help="cpu, cuda, cuda:N or mps; default cuda where there is one, else cpu",
    )
    add(
        "--dtype",
        choices=DTYPES,
        default="float32",
        help="numbers that the network computes with; default %(default)s",
    )


def _add_sampler(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--predictor", metavar="NAME", help=f"one of {', '.join(configuration.PREDICTORS)}")
    add("--corrector", metavar="NAME", help=f"one of {', '.join(configuration.CORRECTORS)}")
    add("--snr", type=float, metavar="SNR", help="of the corrector, > 0")
    add(
        "--skew",
        type=float,
        default=0.0,
        metavar="STRENGTH",
        help="strength of the skew-symmetric S; default 0",
    )
    add(
        "--tuned",
        action="store_true",
        help="use no filter, but the noise levels and the snr that are best at this N for the "
        "spectrum in --freq_mask_path",
    )
    add(
        "--response",
        type=source,
        metavar="FILE.npz",
        help="file of `response`; the sampler `response`, named in --compare, is tuned by it",
    )


def _add_pictures(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--compare",
        nargs="*",
        action=_Compare,
        default=False,
        metavar=("LEFT", "RIGHT"),
        help="sample with vanilla too, from the same noise; or with two samplers by their names, "
        "such as vanilla@100 pds:5@40, into the folders left and right. The last line says the "
        "grain of both",
    )
    add("--trajectory", action="store_true", help="save the steps, as .webp and as .npz")
    add(
        "--ladder",
        type=counts,
        default=(),
        metavar="N,N,...",
        help="compare at each N, such as 2000,200,133,100,66, with 1 image by default",
    )
