"""Networks in lower precision: their errors, and the combinations that are refused."""

import copy
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from pds.files.shipped import ROOT
from pds.scores import checkpoints
from pds.scores.ncsnpp import precision
from pds.scores.ncsnpp.layers import NIN
from tests.support.golden_data import score as golden
from tests.support.lower_precision import BOUNDS, noisy, tf32
from tests.support.placed import placed

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def networks():
    portraits = checkpoints.load(ROOT / "assets" / "portraits32.safetensors")
    return {"golden": golden(), "portraits": placed(portraits)}


@pytest.fixture
def bfloat16(device):
    # Some virtual machines die of bfloat16 products.
    if device == "cpu" and not precision.cpu_speed_up(torch.bfloat16):
        pytest.skip("this CPU does not compute in bfloat16")


def error(score, lower, sigma):
    x, t = noisy(score, sigma)
    with torch.no_grad():
        exact, rough = score(x, t), lower(x, t)
    assert rough.dtype == torch.float32
    return float((rough - exact).square().mean().sqrt() / exact.square().mean().sqrt())


@pytest.mark.not_imitated
@pytest.mark.parametrize("name", ["golden", "portraits"])
@pytest.mark.parametrize("sigma", BOUNDS)
def test_bfloat16_stays_within_its_bound(networks, bfloat16, name, sigma):
    score = networks[name]
    off = error(score, score.in_precision(torch.bfloat16), sigma)
    assert 0 < off < BOUNDS[sigma]


@pytest.mark.not_imitated
@pytest.mark.parametrize("sigma", BOUNDS)
def test_tf32_would_be_eight_times_as_close(networks, sigma):
    # It has three bits more; only its roundings are imitated here.
    score = networks["golden"]
    rounded = copy.deepcopy(score)
    for module in rounded.modules():
        if isinstance(module, nn.Conv2d | nn.Linear | NIN):
            weight = module.W if isinstance(module, NIN) else module.weight
            weight.data = tf32(weight.data.contiguous())
            module.register_forward_pre_hook(lambda _, args: (tf32(args[0].contiguous()),))
    assert 0 < error(score, rounded, sigma) < BOUNDS[sigma] / 8


def test_the_embedding_keeps_its_precision_and_the_original_all_of_it(networks):
    score = networks["golden"]
    lower = score.in_precision(torch.bfloat16).network
    kinds = [{p.dtype for p in module.parameters()} for module in lower.all_modules]
    assert kinds == [{torch.float32}] * 3 + [{torch.bfloat16}] * (len(kinds) - 3)
    assert {p.dtype for p in score.parameters()} == {torch.float32}
    shared, own = lower.all_modules[0].W, score.network.all_modules[0].W
    assert shared.data_ptr() == own.data_ptr()


def test_its_own_precision_is_the_score_itself(networks):
    assert networks["golden"].in_precision(torch.float32) is networks["golden"]


@pytest.mark.parametrize(("returncode", "stdout", "gain"), [(0, "1.75\n", 1.75), (-4, "", 0)])
def test_a_probe_that_dies_is_no_speed_up(monkeypatch, returncode, stdout, gain):
    done = SimpleNamespace(returncode=returncode, stdout=stdout)
    monkeypatch.setattr(precision.subprocess, "run", lambda *_, **__: done)
    assert precision.cpu_speed_up.__wrapped__(torch.bfloat16) == gain


def test_the_probe_runs():
    assert precision.cpu_speed_up(torch.bfloat16) >= 0


def test_only_a_cpu_that_dies_is_refused(monkeypatch):
    monkeypatch.setattr(precision, "cpu_speed_up", lambda _: 0.0)
    precision.require_precision(CPU, torch.float32)
    precision.require_precision(torch.device("cuda"), torch.bfloat16)
    with pytest.raises(ValueError, match="dtype bfloat16 does not work on this machine's CPU"):
        precision.require_precision(CPU, torch.bfloat16)
