"""Versions of pds, Python and the packages, and which of these are missing, too old or broken."""

import operator
import platform
import re
import subprocess
import tomllib
from collections.abc import Iterator
from importlib import metadata
from typing import NamedTuple

import pds
from pds.commands.doctor.section import Progress, Section, imported
from pds.files.shipped import ROOT

MODULES = {"pillow": "PIL"}
"""Names of modules that are not those of their packages."""

OPTIONAL = ("diffusers", "spaces", "mcp", "shtab")
"""Packages that only some commands need."""

OPERATORS = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}

_FORM = re.compile(
    r"(?P<full>(?P<name>[\w.-]+)(\[[^]]*\])?\s*(?P<bounds>[^;]*?))\s*(;(?P<marker>.*))?"
)


class Requirement(NamedTuple):
    """A package in a range of versions, read by the standard library: others may be missing.

    full: what pip installs, such as "gradio[mcp]>=6.31,<6.32".
    name: of the package.
    bounds: of its version, such as ">=6.31,<6.32"; "" for any.
    needed: whether every installation needs it.
    """

    full: str
    name: str
    bounds: str
    needed: bool

    @classmethod
    def of(cls, text: str) -> "Requirement":
        """Read a requirement; one with a marker of an extra is not needed."""
        found = _FORM.fullmatch(text)
        assert found is not None, text
        marker = found["marker"] or ""
        return cls(found["full"], found["name"], found["bounds"], "extra" not in marker)

    def contains(self, version: str) -> bool:
        """Return whether a version is within the bounds, by its numbers alone."""
        bounds = re.findall(r"([<>=!]+)\s*([\d.]+)", self.bounds)
        return all(OPERATORS[sign](_numbers(version), _numbers(bound)) for sign, bound in bounds)


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version such as 2.13.0+cpu, without zeros at the end."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, re.sub(r"(\.0+)+$", "", found[0]).split("."))) if found else ()


def check(progress: Progress) -> Section:
    """Report the versions; each package that pds needs is imported."""
    section = Section("versions", {"pds": pds.__version__, "commit": commit()})
    section.facts |= {"Python": platform.python_version(), "platform": platform.platform()}
    for requirement in map(Requirement.of, declared()):
        name, version = requirement.name, installed(requirement.name)
        if requirement.needed:
            section.facts[name.replace("_", "-")] = version
            progress(f"importing {name}")
            section.problems.extend(_problems(requirement, version))
        elif version is not None:
            section.problems.extend(_range_problem(requirement, version))
    section.facts |= {name: installed(name) for name in OPTIONAL}
    torch, _ = imported("torch")
    section.facts["CUDA_of_torch"] = None if torch is None else torch.version.cuda
    return section


def commit() -> str | None:
    """Return the commit of a checkout, with a note if files are changed; None if it is none."""
    if not (ROOT / ".git").exists():
        return None
    try:
        name = _git("rev-parse", "--short", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown, as git does not work here"
    return f"{name}, with changed files" if changed else name


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def declared() -> list[str]:
    """Return the requirements of the checkout, or of the installed package."""
    path = ROOT / "pyproject.toml"
    if not path.is_file():
        return metadata.requires("pds") or []
    project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    extras = project.get("optional-dependencies", {})
    optional = [f'{text}; extra == "{name}"' for name, texts in extras.items() for text in texts]
    return [*project["dependencies"], *optional]


def installed(name: str) -> str | None:
    """Return the version of a package, None if it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _problems(requirement: Requirement, version: str | None) -> Iterator[str]:
    """Yield what is wrong with a package that pds needs."""
    if version is None:
        yield f'{requirement.name} is missing: pip install "{requirement.full}"'
        return
    yield from _range_problem(requirement, version)
    module = MODULES.get(requirement.name, requirement.name.replace("-", "_"))
    _, reason = imported(module)
    if reason:
        again = f'pip install --force-reinstall "{requirement.full}"'
        yield f"{requirement.name} {version} cannot be imported ({reason}): {again}"


def _range_problem(requirement: Requirement, version: str) -> Iterator[str]:
    if not requirement.contains(version):
        yield (
            f"{requirement.name} {version} is not in the range that pds is tested with, "
            f'{requirement.bounds}: pip install "{requirement.full}"'
        )
