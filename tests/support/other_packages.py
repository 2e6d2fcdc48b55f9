"""azula and the wrappers of k-diffusion, installed into a folder without their dependencies."""

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from unittest.mock import MagicMock

import pytest

REQUIREMENTS = Path(__file__).parent / "integrations.txt"
UNUSED = ("torchvision", "torchvision.transforms", "scipy", "torchdiffeq", "torchsde")
"""What k-diffusion's samplers and its reader of pictures import, which no test needs."""


def install(folder):
    """Install the packages; skip the tests where pip reaches no index."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--retries", "1"]
    done = subprocess.run(
        [*command, "--target", str(folder), "-r", str(REQUIREMENTS)], capture_output=True, text=True
    )
    if done.returncode and "connection" in done.stderr.lower():
        pytest.skip("azula and k-diffusion cannot be installed: pip reaches no index")
    assert not done.returncode, done.stderr


def load(folder):
    """Import azula and `k_diffusion.external`, whose package's own __init__ needs far more."""
    package = ModuleType("k_diffusion")
    package.__path__ = [str(folder / "k_diffusion")]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        for name in UNUSED:
            patch.setitem(sys.modules, name, MagicMock())
        sys.modules["k_diffusion"] = package
        for name in ("azula", "k_diffusion.external"):
            importlib.import_module(name)


def unload():
    """Forget the packages, so that other tests do not meet them."""
    for name in list(sys.modules):
        if name.split(".")[0] in ("azula", "k_diffusion"):
            del sys.modules[name]
