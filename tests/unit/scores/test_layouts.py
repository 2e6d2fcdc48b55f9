"""Weights are found in the checkpoint layouts of many training programs."""

import argparse

import pytest
import torch
from torch.optim.swa_utils import AveragedModel

from pds.scores import checkpoints
from tests.support.checkpoints import (
    CARD,
    published,
    refusal,
    write_pth,
    write_safetensors,
)

NAME = "all_modules.3.weight"
NO_AVERAGES = "has no averaged weights"


def prefixed(state, prefix):
    return {prefix + name: tensor for name, tensor in state.items()}


def averaged(score):
    """Averages that are the weights plus 1, with the same frequencies."""
    return score.network.state_dict() | trained(score)


def trained(score, offset=1):
    parameters = score.network.named_parameters()
    return {name: p.detach() + offset for name, p in parameters if p.requires_grad}


def offset(path, score, weights="ema"):
    """What the weights in a file have more than those of the score."""
    loaded = checkpoints.load(path, CARD, weights=weights).network.state_dict()
    frequencies = loaded["all_modules.0.W"] - score.network.state_dict()["all_modules.0.W"]
    assert not frequencies.any()
    return (loaded[NAME] - score.network.state_dict()[NAME]).mean().round(decimals=3).item()


PREFIXES = ["", "module.", "_orig_mod.", "model.", "net.", "module._orig_mod.", "a.network."]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_bare_state_dict_is_read_under_any_prefix(tmp_path, score, prefix):
    path = write_pth(tmp_path / "a.pt", prefixed(score.network.state_dict(), prefix))
    assert offset(path, score, "raw") == 0


@pytest.mark.parametrize("prefix", PREFIXES)
def test_weights_that_are_not_averaged_are_used_with_a_warning(tmp_path, score, prefix):
    path = write_pth(tmp_path / "a.pt", prefixed(score.network.state_dict(), prefix))
    with pytest.warns(UserWarning, match=NO_AVERAGES):
        assert offset(path, score) == 0


def test_a_checkpoint_of_lightning_is_read(tmp_path, score):
    state = prefixed(score.network.state_dict(), "net.") | {"loss.w": torch.ones(2)}
    path = write_pth(tmp_path / "last.ckpt", {"epoch": 3, "state_dict": state})
    with pytest.warns(UserWarning, match=NO_AVERAGES):
        assert offset(path, score) == 0


@pytest.mark.parametrize("ema", [None, {}, {"shadow_params": None}], ids=str)
def test_a_checkpoint_without_averages_is_read_with_a_warning(tmp_path, score, ema):
    path = write_pth(tmp_path / "a.pth", published(score, ema=ema))
    with pytest.warns(UserWarning, match=NO_AVERAGES):
        assert offset(path, score) == 0


def test_requested_raw_weights_bring_no_warning(tmp_path, score, recwarn):
    path = write_pth(tmp_path / "a.pth", published(score, ema=None))
    checkpoints.load(path, CARD, weights="raw")
    assert not recwarn.list


@pytest.mark.parametrize("kind", [list, tuple])
def test_listed_averages_may_be_a_list_or_a_tuple(tmp_path, score, kind):
    ema = {"shadow_params": kind(trained(score).values())}
    path = write_pth(tmp_path / "a.pth", published(score, ema=ema))
    assert offset(path, score) == 1


def test_listed_averages_may_be_of_all_parameters(tmp_path, score):
    shadows = [p.detach() + 1 for p in score.network.parameters()]
    path = write_pth(tmp_path / "a.pth", published(score, ema={"shadow_params": shadows}))
    assert offset(path, score) == 1


@pytest.mark.parametrize(
    "key",
    ["ema", "EMA", "ema_state_dict", "model_ema", "params_ema", "averaged_model", "swa_model"],
)
def test_named_averages_are_preferred(tmp_path, score, key):
    content = {"model": score.network.state_dict(), key: averaged(score)}
    path = write_pth(tmp_path / "a.pth", content)
    assert offset(path, score) == 1
    assert offset(path, score, "raw") == 0


def test_averages_of_the_trained_parameters_alone_get_the_frequencies_of_the_model(tmp_path, score):
    content = {"model": score.network.state_dict(), "ema": {"shadow": trained(score), "decay": 0.9}}
    assert offset(write_pth(tmp_path / "a.pth", content), score) == 1


def test_averages_beside_the_weights_in_one_state_dict_are_found(tmp_path, score):
    weights = prefixed(score.network.state_dict(), "model.")
    content = {"state_dict": weights | prefixed(averaged(score), "ema_model.")}
    path = write_pth(tmp_path / "a.ckpt", content)
    assert offset(path, score) == 1
    assert offset(path, score, "raw") == 0


def test_the_last_weights_within_the_averages_are_not_taken_for_averages(tmp_path, score):
    weights = score.network.state_dict()
    ema = prefixed(weights, "online_model.") | prefixed(averaged(score), "ema_model.")
    path = write_pth(tmp_path / "a.pt", {"model": dict(weights), "ema": ema})
    assert offset(path, score) == 1
    assert offset(path, score, "raw") == 0


def test_the_averages_of_torch_are_read(tmp_path, score):
    model = AveragedModel(score.network)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(parameter.requires_grad)
    content = {"model": score.network.state_dict(), "average": model.state_dict()}
    assert offset(write_pth(tmp_path / "a.pt", content), score) == 1


def test_several_averages_are_refused_by_name(tmp_path, score):
    content = {"model": score.network.state_dict(), "ema_1": averaged(score)}
    path = write_pth(tmp_path / "a.pth", content | {"ema_2": averaged(score)})
    assert "2 sets of averaged weights (ema_1, ema_2)" in refusal(path)


def test_last_weights_are_not_made_of_averages(tmp_path, score):
    path = write_pth(tmp_path / "a.pth", {"ema": averaged(score)})
    assert offset(path, score) == 1
    with pytest.raises(ValueError, match="has averaged weights only"):
        checkpoints.load(path, CARD, weights="raw")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32(tmp_path, score, dtype):
    state = {name: tensor.to(dtype) for name, tensor in score.network.state_dict().items()}
    path = write_pth(tmp_path / "a.pth", {"ema": state})
    loaded = checkpoints.load(path, CARD).network.state_dict()
    assert torch.equal(loaded[NAME], state[NAME].float())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: w.to(torch.int32), "is torch.int32, expected a floating point number"),
        (lambda w: w.to("meta"), "is a sparse, quantized or empty tensor"),
        (lambda w: w.to_sparse(), "is a sparse, quantized or empty tensor"),
        (lambda w: w.double().add(1e300), "is not finite"),
        (lambda w: w.numpy(), "is a numpy.ndarray, expected a tensor"),
        (lambda w: 3, "is an int, expected a tensor"),
    ],
)
def test_what_cannot_be_a_weight_is_named(tmp_path, score, change, words):
    state = score.network.state_dict()
    path = write_pth(tmp_path / "a.pth", {"ema": {**state, NAME: change(state[NAME])}})
    assert f"{NAME} {words}" in refusal(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "found nothing"),
        ({"model": torch.nn.Linear(2, 2)}, "model (a torch.nn.modules.linear.Linear, not its"),
        ({"input_blocks.0.weight": torch.ones(1)}, "found input_blocks.0.weight"),
        ({"a": 1, "b": {"unet.weight": torch.ones(1)}}, "found b.unet.weight, a"),
        ({"optimizer": {"state": {0: torch.ones(1)}, "lr": 1}}, "found optimizer.lr"),
        ({"conv_in.weight": torch.ones(1)}, "as diffusers names them; give the folder"),
        (argparse.Namespace(model={}), "holds an argparse.Namespace; expected a dict"),
        ([1], "holds a list; expected a dict"),
    ],
)
def test_a_file_without_such_weights_says_what_it_has(tmp_path, content, words):
    assert words in refusal(write_pth(tmp_path / "a.pth", content))


def test_a_dict_within_itself_is_read(tmp_path, score):
    content = published(score)
    content["again"] = content
    assert offset(write_pth(tmp_path / "a.pth", content), score) == 1


def test_a_safetensors_file_of_others_is_read_with_a_card(tmp_path, score):
    path = write_safetensors(tmp_path / "a.safetensors", score)
    with pytest.warns(UserWarning, match=NO_AVERAGES):
        assert offset(path, score) == 0
