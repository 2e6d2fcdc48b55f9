"""The front of `main.py`: the paper's flags, and what people expect of a sampler beside them.

Whatever is wrong with what was asked is one sentence on stderr and exit code 2.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from pds.jobs import configuration, ranks
from pds.jobs.job import DTYPES, Job
from pds.jobs.run import run


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
            job = Job.from_flags(values)
        summary = run(job, ranks=mine)
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
    add("--predictor", help=", ".join(configuration.PREDICTORS))
    add("--corrector", help=", ".join(configuration.CORRECTORS))
    add("--snr", type=float, help="of the corrector, > 0")
    add("--skew", type=float, default=0.0, help="strength of the skew-symmetric S; default 0")
    add(
        "--tuned",
        action="store_true",
        help="no filter, but the noise levels and the snr that are best at this N for the spectrum "
        "in --freq_mask_path",
    )


def _add_pictures(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--compare", action="store_true", help="draw vanilla too, from the same noise")
    add("--trajectory", action="store_true", help="keep the steps, as .webp and as .npz")
    add(
        "--ladder",
        type=counts,
        default=(),
        metavar="N,N,...",
        help="compare at each N, such as 2000,200,133,100,66, with 1 image unless told",
    )


def counts(text: str) -> tuple[int, ...]:
    """Read iteration counts such as 200,66 from an argument."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        sentence = f"expected whole numbers such as 200,66, got {text!r}"
        raise argparse.ArgumentTypeError(sentence) from None
