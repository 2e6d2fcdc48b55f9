"""`pds doctor`: check the installation, for a bug report.

It works where a package is missing or broken: nothing heavy is imported at the top of its modules,
and what an import raises is a problem of the report.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator

from pds.commands.doctor import devices, files, folders, sample, versions
from pds.commands.doctor.section import Section


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser of the command its options."""
    parser.description = (
        "Prints versions, devices, shipped files and folders, samples once with the embedded "
        "network of 32 px, and says what is wrong and what to do about it. The exit code is 0 if "
        "all is well, 1 otherwise. Paste what it prints into a bug report."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--no-sample", action="store_true", help="do not sample")


def run(arguments: argparse.Namespace) -> None:
    """Print the report.

    Raises:
        SystemExit: with code 1 if there is a problem.
    """
    sections = list(_sections(with_sample=not arguments.no_sample))
    problems = [problem for section in sections for problem in section.problems]
    if arguments.json:
        facts = {section.title: section.facts for section in sections}
        print(json.dumps({**facts, "problems": problems}, indent=2))
    else:
        print("\n\n".join(section.text() for section in sections))
        print("\nproblems")
        print("\n".join(f"  {problem}" for problem in problems) or "  none: all is well")
    if problems:
        raise SystemExit(1)


def _sections(*, with_sample: bool) -> Iterator[Section]:
    """Yield the sections as they are checked, with progress on stderr."""
    checks: list[Callable[[Callable[[str], None]], Section]] = [
        versions.check,
        devices.check,
        files.check,
        folders.check,
    ]
    if with_sample:
        checks.append(sample.check)
    for check in checks:
        yield check(_tell)


def _tell(step: str) -> None:
    # Flushed before the step begins: it names what ends the process, if that happens.
    print(f"pds: {step} ...", file=sys.stderr, flush=True)
