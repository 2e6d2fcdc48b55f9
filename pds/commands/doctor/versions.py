"""Versions of pds, Python and the packages, and which of these are missing, too old or broken."""

import platform
import subprocess
import tomllib
from collections.abc import Iterator
from importlib import metadata
from typing import TYPE_CHECKING

from pds import __version__
from pds.commands.doctor.section import Progress, Section, imported
from pds.files.shipped import ROOT

if TYPE_CHECKING:
    from packaging.requirements import Requirement

MODULES = {"pillow": "PIL"}
"""Names of modules that are not those of their packages."""

OPTIONAL = ("diffusers", "spaces", "mcp", "shtab")
"""Packages that only some commands need."""


def check(progress: Progress) -> Section:
    """Report the versions; each package that pds needs is imported."""
    section = Section("versions", {"pds": __version__, "commit": commit()})
    section.facts |= {"Python": platform.python_version(), "platform": platform.platform()}
    if imported("packaging.requirements")[1]:
        section.problems.append(
            "the package packaging is missing, without which no version can be checked: "
            "pip install packaging"
        )
        return section
    for requirement, needed in requirements():
        version = installed(requirement.name)
        if needed:
            section.facts[requirement.name.replace("_", "-")] = version
            progress(f"importing {requirement.name}")
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


def requirements() -> Iterator[tuple["Requirement", bool]]:
    """Yield the packages in the ranges of pyproject.toml, each with whether pds needs it."""
    from packaging.requirements import Requirement

    for text in _declared():
        requirement = Requirement(text)
        marker = requirement.marker
        yield requirement, marker is None or marker.evaluate({"extra": ""})


def _declared() -> list[str]:
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


def _problems(requirement: "Requirement", version: str | None) -> Iterator[str]:
    """Yield what is wrong with a package that pds needs."""
    name = requirement.name
    if version is None:
        yield f"{name} is missing: {_install(requirement)}"
        return
    yield from _range_problem(requirement, version)
    _, reason = imported(MODULES.get(name, name))
    if reason:
        again = _install(requirement, "--force-reinstall ")
        yield f"{name} {version} cannot be imported ({reason}): {again}"


def _range_problem(requirement: "Requirement", version: str) -> Iterator[str]:
    if not requirement.specifier.contains(version, prereleases=True):
        yield (
            f"{requirement.name} {version} is not in the range that pds is tested with, "
            f"{requirement.specifier}: {_install(requirement)}"
        )


def _install(requirement: "Requirement", flags: str = "") -> str:
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f'pip install {flags}"{requirement.name}{extras}{requirement.specifier}"'
