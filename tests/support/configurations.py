"""Small configuration files of other projects, and the error for a file that is refused."""

import pytest

from pds.jobs.configuration import read_configuration
from tests.support.tiny_run import CONFIG

IMPORTS = "import dataclasses, types\nimport numpy as np\nimport torch\n"


def written(folder, change="pass", *, imports=""):
    """A small configuration c after a statement, as a Python file."""
    path = folder / "mine.py"
    body = CONFIG.replace("return {", "c = {")
    names = (
        "model, data, training, sampling = (c[n] for n in ('model','data','training','sampling'))"
    )
    path.write_text(f"{imports}{IMPORTS}{body}\n    {names}\n    {change}\n    return c\n")
    return path


def refusal(path, overrides=None):
    with pytest.raises(ValueError) as refused:
        read_configuration(path, overrides)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")
