"""docs/configurations.md: its table of score_sde's files agrees with the code."""

import re
import warnings
from collections import Counter

import pytest
import torch

from pds.files.shipped import ROOT
from pds.jobs.configuration import read_configuration
from pds.kernels import Ancestral
from pds.preconditioners import FrequencyFilter
from pds.sde import VESDE, VPSDE, SubVPSDE
from tests.support.configurations import written

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
PROCESSES: dict[str, tuple[str, type]] = {
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
    (counts,) = re.findall(r"(\d+) are sampled here and\s(\d+) are not", TEXT)
    assert (answers["yes"], answers["no"]) == tuple(map(int, counts))


KINDS = sorted(
    {
        (network, process, name, answer[:3] == "yes")
        for _, network, process, answer, _ in ROWS
        for name in NAMES[network]
    }
)


@pytest.mark.parametrize(("network", "process", "name"), [row[:3] for row in KINDS if row[3]])
def test_a_network_and_process_that_are_sampled_are_read(network, process, name, tmp_path):
    card = read_as(tmp_path, network, process, name).card
    assert isinstance(card.sde, PROCESSES[process.split(",")[0]][1])
    assert card.conditioning == process.split(", ")[1]


@pytest.mark.parametrize(("network", "process", "name"), [row[:3] for row in KINDS if not row[3]])
def test_a_network_that_is_not_sampled_is_refused(network, process, name, tmp_path):
    with pytest.raises(ValueError, match=f"model.name '{name}' cannot be sampled here"):
        read_as(tmp_path, network, process, name)


def test_the_names_of_networks_that_are_refused_are_in_the_text():
    refused = [name for names in NAMES.values() for name in names if name != "ncsnpp"]
    assert [name for name in refused if f"`{name}`" not in TEXT] == []


def test_one_file_is_sampled_without_a_filter_since_its_kernel_takes_none():
    (row,) = [row for row in ROWS if "without a filter" in row[3]]
    assert "ancestral sampling takes none" in row[3]
    x, m = torch.zeros(1, 1, 2, 2), FrequencyFilter(torch.ones(1, 2, 2))
    with pytest.raises(ValueError, match="cannot take a preconditioner"):
        Ancestral()(x, x, x, (0.0, 0.0, 0.0), m)


@pytest.mark.parametrize("path", sorted((ROOT / "configs/ve").glob("*_continuous.py")))
def test_a_published_file_that_is_shipped_is_in_the_table(path):
    (row,) = [row for row in ROWS if row[0] == f"ve/{path.stem}"]
    assert row[1:4] == ("NCSN++", "VE, continuous", "yes")
