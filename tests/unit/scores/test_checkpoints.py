import io
import json
import os
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pds.scores import checkpoints
from tests.support.checkpoints import (
    CARD,
    NETWORK,
    published,
    refusal,
    write_pth,
    write_safetensors,
)


def test_a_saved_model_comes_back_bit_for_bit_with_its_card(tmp_path, score):
    checkpoints.save(tmp_path / "a.safetensors", score)
    loaded = checkpoints.load(tmp_path / "a.safetensors")
    state = score.network.state_dict()
    assert loaded.card == CARD
    assert all(torch.equal(state[n], v) for n, v in loaded.network.state_dict().items())


def test_loading_draws_no_random_numbers(tmp_path, score):
    checkpoints.save(tmp_path / "a.safetensors", score)
    before = torch.get_rng_state()
    checkpoints.load(tmp_path / "a.safetensors")
    assert torch.equal(before, torch.get_rng_state())


def test_a_loaded_model_is_ready_to_sample(tmp_path, score):
    checkpoints.save(tmp_path / "a.safetensors", score)
    loaded = checkpoints.load(tmp_path / "a.safetensors")
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_a_save_that_fails_leaves_the_old_file(tmp_path, score, monkeypatch):
    path = tmp_path / "a.safetensors"
    checkpoints.save(path, score)
    before = path.read_bytes()

    def full_disk(_state, partial, **_options):
        Path(partial).write_bytes(b"half of it")
        raise OSError("no space left")

    monkeypatch.setattr(checkpoints, "save_file", full_disk)
    with pytest.raises(OSError, match="no space left"):
        checkpoints.save(path, score)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("weights", "offset"), [("ema", 1.0), ("raw", 0.0)])
def test_a_published_checkpoint_gives_the_requested_weights(tmp_path, score, weights, offset):
    path = write_pth(tmp_path / "a.pth", published(score))
    loaded = checkpoints.load(path, CARD, weights=weights)
    name = "all_modules.3.weight"
    expected = score.network.state_dict()[name] + offset
    assert torch.equal(loaded.network.state_dict()[name], expected)


@pytest.mark.parametrize("weights", ["ema", "raw"])
def test_fourier_frequencies_come_from_the_model(tmp_path, score, weights):
    path = write_pth(tmp_path / "a.pth", published(score))
    frequencies = checkpoints.load(path, CARD, weights=weights).network.state_dict()
    name = "all_modules.0.W"
    assert torch.equal(frequencies[name], score.network.state_dict()[name])


def test_a_checkpoint_without_the_module_prefix_is_read_too(tmp_path, score):
    plain = {n.removeprefix("module."): v for n, v in published(score)["model"].items()}
    path = write_pth(tmp_path / "a.pth", published(score, model=plain))
    loaded = checkpoints.load(path, CARD, weights="raw").network.state_dict()
    assert torch.equal(loaded["all_modules.0.W"], score.network.state_dict()["all_modules.0.W"])


@pytest.mark.parametrize("module", [b"numpy._core.multiarray", b"numpy.core.multiarray"])
def test_a_learning_rate_of_numpy_2_or_1_is_read(tmp_path, score, module):
    # score_sde's warm-up leaves a numpy scalar, whose module was renamed between the two.
    rate = {"param_groups": [{"lr": np.float64(2e-4)}]}
    source = write_pth(tmp_path / "source.pth", published(score, optimizer=rate))
    path = tmp_path / "a.pth"
    with zipfile.ZipFile(source) as old:
        contents = {item: old.read(item) for item in old.namelist()}
    (pickled,) = (content for item, content in contents.items() if item.endswith("data.pkl"))
    assert pickled.count(b"numpy._core.multiarray") == 1
    with zipfile.ZipFile(path, "w") as new:
        for item, content in contents.items():
            new.writestr(item, content.replace(b"numpy._core.multiarray", module))
    assert checkpoints.load(path, CARD).card == CARD


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_a_missing_file_is_said_to_be_missing(tmp_path, name):
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        checkpoints.load(tmp_path / name, CARD)


def test_a_published_checkpoint_needs_a_card(tmp_path, score):
    path = write_pth(tmp_path / "a.pth", published(score))
    assert "pass its configuration" in refusal(path, card=None)


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
@pytest.mark.parametrize("kept", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(tmp_path, score, name, kept):
    path = tmp_path / name
    if name.endswith(".pth"):
        write_pth(path, published(score))
    else:
        checkpoints.save(path, score)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    assert "damaged" in refusal(path)


@pytest.mark.parametrize("content", [b"hello", b"\x80\x02]q\x00e.", b"\x80\x02."])
def test_bytes_that_are_no_checkpoint_are_refused(tmp_path, content):
    path = tmp_path / "a.pth"
    path.write_bytes(content)
    assert "damaged" in refusal(path)


class Payload:
    """Makes a folder when unpickled by a reader that runs code."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "plain"])
def test_code_in_a_checkpoint_never_runs(tmp_path, score, zipped):
    proof, path = tmp_path / "proof", tmp_path / "a.pth"
    checkpoint = published(score, optimizer=Payload(proof))
    torch.save(checkpoint, path, _use_new_zipfile_serialization=zipped)
    refusal(path)
    assert not proof.exists()
    # The payload is real: a reader that trusts the file does run it.
    pickle.load(io.BytesIO(pickle.dumps(Payload(proof))))
    assert proof.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"model": None},
        {"model": {1: torch.ones(1)}},
        {"ema": {"shadow_params": []}},
        {"ema": {"shadow_params": [1] * 99}},
        {"ema": {"shadow_params": 3}},
    ],
    ids=str,
)
def test_a_checkpoint_of_another_structure_is_refused(tmp_path, score, change):
    refusal(write_pth(tmp_path / "a.pth", published(score, **change)))


def test_a_bare_tensor_is_refused(tmp_path):
    assert "holds a Tensor" in refusal(write_pth(tmp_path / "a.pth", torch.ones(3)))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_weights_that_are_not_finite_are_refused_by_name(tmp_path, score, name, value):
    with torch.no_grad():
        score.network.all_modules[3].weight[0, 0, 0, 0] = value
    if name.endswith(".pth"):
        path = write_pth(tmp_path / name, published(score))
    else:
        path = write_safetensors(tmp_path / name, score, pds=json.dumps(CARD.to_dict()))
    assert "all_modules.3.weight is not finite" in refusal(path)


def test_another_network_is_refused_with_the_first_tensors_and_shapes(tmp_path, score):
    path = write_pth(tmp_path / "a.pth", published(score))
    wider = replace(CARD, network=replace(NETWORK, nf=8))
    sentence = refusal(path, wider)
    assert "all_modules.0.W is (4,), expected (8,)" in sentence
    assert sentence.count("expected") == 3 and "more" in sentence


def test_a_deeper_network_is_refused_by_its_count(tmp_path, score):
    path = write_pth(tmp_path / "a.pth", published(score))
    deeper = replace(CARD, network=replace(NETWORK, num_res_blocks=2))
    assert "another configuration" in refusal(path, deeper)


def test_a_tensor_too_many_is_named(tmp_path, score):
    model = {**published(score)["model"], "module.extra": torch.ones(1)}
    path = write_pth(tmp_path / "a.pth", published(score, model=model))
    assert "extra is unknown" in refusal(path)


def test_a_tensor_too_few_is_named(tmp_path, score):
    model = {n: v for n, v in published(score)["model"].items() if n != "module.all_modules.0.W"}
    path = write_pth(tmp_path / "a.pth", published(score, model=model))
    assert "all_modules.0.W is missing" in refusal(path)


def test_a_safetensors_file_of_others_is_refused_without_a_card(tmp_path, score):
    path = write_safetensors(tmp_path / "a.safetensors", score)
    assert "contains no model description" in refusal(path, card=None)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}", "[" * 100_000], ids=lambda t: t[:3])
def test_a_damaged_description_is_refused(tmp_path, score, text):
    refusal(write_safetensors(tmp_path / "a.safetensors", score, pds=text))


def test_a_description_of_a_huge_network_is_refused_without_building_it(tmp_path, score):
    # Its weights would take 2 PB: it has to be seen not to fit before memory is asked for.
    huge = replace(CARD, network=replace(NETWORK, nf=4_000_000))
    metadata = json.dumps(huge.to_dict())
    path = write_safetensors(tmp_path / "a.safetensors", score, pds=metadata)
    assert "expected (4000000,)" in refusal(path)
