"""docs/configurations.md: what its table says of score_sde's files is what the code does."""

import re
import warnings
from collections import Counter

import pytest

from pds.files.shipped import ROOT
from pds.jobs.configuration import read_configuration
from pds.kernels import Ancestral
from pds.sde import VESDE, VPSDE, SubVPSDE
from tests.unit.jobs.test_configuration_values import written

TEXT = (ROOT / "docs" / "configurations.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\S+/\S+) \| (\S+) \| (.+) \| (.+) \| (\S+) \|$", TEXT, re.MULTILINE)
NAMES = {
    "NCSN++": ("ncsnpp",),
    "DDPM++": ("ncsnpp",),
    "DDPM": ("ddpm",),
    "NCSN": ("ncsn",),
    "NCSNv2": ("ncsnv2_64", "ncsnv2_128"),
}
"""model.name of the networks."""
DDPMPP = {
    **dict(embedding_type="positional", resblock_type="ddpm", fir=False),
    **dict(progressive="none", progressive_input="none"),
}
"""What a DDPM++ of score_sde has that its NCSN++ has not."""
PROCESSES = {
    "VE": ("vesde", VESDE),
    "VP": ("vpsde", VPSDE),
    "sub-VP": ("subvpsde", SubVPSDE),
}


def read_as(folder, network, process, name):
    """Read a small configuration of a network and a process."""
    sde, kind = process.split(", ")
    training = {"sde": PROCESSES[sde][0], "continuous": kind != "discrete"}
    model = {"name": name, "num_scales": 1000, "scale_by_sigma": sde == "VE"}
    model |= {"beta_min": 0.1, "beta_max": 20.0}
    model |= {} if training["continuous"] else {"embedding_type": "positional"}
    model |= DDPMPP if network == "DDPM++" else {}
    change = f"training.update({training}); model.update({model})"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return read_configuration(written(folder, change))


def test_the_table_has_the_39_files_once_and_says_how_many_are_sampled():
    answers = Counter(answer.split(",")[0] for _, _, _, answer, _ in ROWS)
    assert len({row[0] for row in ROWS}) == len(ROWS) == 39
    (told,) = re.findall(r"(\d+) are sampled here and\s(\d+) are not", TEXT)
    assert (answers["yes"], answers["no"]) == tuple(map(int, told))


KINDS = sorted({(network, process, answer[:3]) for _, network, process, answer, _ in ROWS})


@pytest.mark.parametrize(("network", "process", "answer"), KINDS)
def test_a_network_and_process_of_the_table_is_read_or_refused_as_it_says(
    network, process, answer, tmp_path
):
    for name in NAMES[network]:
        if answer == "yes":
            card = read_as(tmp_path, network, process, name).card
            assert isinstance(card.sde, PROCESSES[process.split(",")[0]][1])
            assert card.conditioning == process.split(", ")[1]
        else:
            with pytest.raises(ValueError, match=f"model.name '{name}' cannot be sampled here"):
                read_as(tmp_path, network, process, name)


def test_the_names_of_networks_that_are_refused_are_in_the_text():
    refused = [name for names in NAMES.values() for name in names if name != "ncsnpp"]
    assert [name for name in refused if f"`{name}`" not in TEXT] == []


def test_one_file_is_sampled_without_a_filter_since_its_kernel_takes_none():
    (row,) = [row for row in ROWS if "without a filter" in row[3]]
    assert "ancestral sampling takes none" in row[3]
    assert "must be the identity" in Ancestral.__doc__


@pytest.mark.parametrize("path", sorted((ROOT / "configs/ve").glob("*_continuous.py")))
def test_a_published_file_that_is_shipped_is_in_the_table(path):
    (row,) = [row for row in ROWS if row[0] == f"ve/{path.stem}"]
    assert row[1:4] == ("NCSN++", "VE, continuous", "yes")
