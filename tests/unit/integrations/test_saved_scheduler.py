"""Schedulers and pipelines after saving, loading, copying and configuring."""

import copy

import pytest
import safetensors.torch  # noqa: F401  (old versions of diffusers need it imported)
import torch
from diffusers import DiffusionPipeline, ScoreSdeVePipeline, ScoreSdeVeScheduler

from pds import filters
from pds.integrations.diffusers import PreconditionedScoreSdeVeScheduler
from tests.support.score_pipelines import (
    MASKS,
    SHAPE,
    draw,
    pipeline,
    same,
    scheduler,
    small_unet,
)

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_scheduler_is_saved_with_its_masks_beside_its_configuration(tmp_path):
    ours = scheduler(["frequency", "space"], alpha=3)
    ours.save_pretrained(tmp_path)
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {"scheduler_config.json", "frequency_mask.npy", "space_mask.npy"}
    assert (tmp_path / "scheduler_config.json").stat().st_size < 1000
    assert len(repr(ours)) < 1000
    again = PreconditionedScoreSdeVeScheduler.from_pretrained(tmp_path)
    assert again.config.alpha == 3
    assert same(again, ours)
    stored = filters.load(tmp_path / "space_mask.npy", SHAPE, kind="space")
    torch.testing.assert_close(stored, MASKS["space"].double())


def test_a_configuration_and_a_copy_carry_the_masks():
    ours = scheduler(["frequency", "space"], alpha=3)
    draw(pipeline(ours))
    from_config = PreconditionedScoreSdeVeScheduler.from_config(ours.config)
    through_theirs = ScoreSdeVeScheduler.from_config(ours.config)
    back = PreconditionedScoreSdeVeScheduler.from_config(through_theirs.config)
    copies = {"copy": copy.deepcopy(ours), "from ours": from_config, "through theirs": back}
    assert [name for name, other in copies.items() if not same(other, ours)] == []
    without = PreconditionedScoreSdeVeScheduler.from_config(ours.config, frequency_mask=None)
    assert same(without, scheduler(["space"], alpha=3))


@pytest.mark.parametrize("opener", [DiffusionPipeline, ScoreSdeVePipeline])
def test_a_saved_pipeline_opens_with_its_masks(tmp_path, opener):
    pipe = pipeline(scheduler(["frequency", "space"], alpha=3), small_unet())
    pipe.save_pretrained(tmp_path)
    again = opener.from_pretrained(tmp_path)
    again.set_progress_bar_config(disable=True)
    assert type(again) is ScoreSdeVePipeline
    assert torch.equal(draw(again, 2), draw(pipe, 2))


def test_the_scheduler_of_a_pipeline_opens_by_its_subfolder_and_from_the_cache_of_the_hub(
    tmp_path, monkeypatch
):
    ours = scheduler(["frequency"])
    snapshot = tmp_path / "models--owner--faces" / "snapshots" / ("0" * 40)
    ours.save_pretrained(snapshot / "scheduler")
    refs = tmp_path / "models--owner--faces" / "refs"
    refs.mkdir()
    (refs / "main").write_text("0" * 40)
    opener = PreconditionedScoreSdeVeScheduler.from_pretrained
    assert same(opener(snapshot, subfolder="scheduler"), ours)
    cached = {"subfolder": "scheduler", "cache_dir": tmp_path, "local_files_only": True}
    assert same(opener("owner/faces", **cached), ours)


def test_the_scheduler_of_diffusers_opens_what_was_saved_as_the_vanilla_one(tmp_path):
    scheduler(["frequency"]).save_pretrained(tmp_path)
    assert same(ScoreSdeVeScheduler.from_pretrained(tmp_path), ScoreSdeVeScheduler(sigma_max=50.0))


def test_a_missing_mask_beside_a_configuration_is_refused(tmp_path):
    scheduler(["frequency"]).save_pretrained(tmp_path)
    (tmp_path / "frequency_mask.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"no filter at .*frequency_mask\.npy"):
        PreconditionedScoreSdeVeScheduler.from_pretrained(tmp_path)
