"""`pds evaluate`: arms, output folder, resuming, and the theory beside the measurement."""

import csv
import io
import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from pds import models, theory
from pds.arms.names import parse, parse_all
from pds.driving import sample, seeded_noise
from pds.evaluation import (
    agreement,
    draw,
    equivalence,
    metrics,
    report,
    subject,
    table,
    validation,
)
from pds.evaluation.evidence import Evidence
from pds.evaluation.features import features
from pds.evaluation.gaussian import Field
from pds.evaluation.metrics import Reference
from pds.evaluation.store import Batch, Cell, Store
from pds.preconditioners import Identity

SIZE = torch.Size((2, 1, 32, 32))
NUM_STEPS = 16
ALL = ("vanilla", "pds:5", "pds+space:5", "tuned", "levels", "snr", "tuned+gain", "tuned+pds:5",
       "gain", "split", "steady", "scalar", "inverted:5", "preserving:5", "corrector:5",
       "predictor:5", "ode-euler", "ode-heun")  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def few_resamples():
    """A tenth of the resamples: the tests of the metrics are about the width of intervals."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(metrics, "RESAMPLES", 100)
        yield


@pytest.fixture(scope="module")
def model():
    field = Field("Gaussian clouds, 32 px", models.field(32))
    return subject.Subject("field32", field, None, torch.device("cpu"))


@pytest.fixture(scope="module")
def reference(model):
    return Reference(features(model.held_out(200)), (32, 32))


def drawn(model, name, num_steps, seeds):
    return draw.sampled(model, draw.plan(model, name, num_steps), model.model.score, seeds)


def without_seconds(text):
    return [{**row, "seconds": ""} for row in csv.DictReader(io.StringIO(text))]


def evidence_of(store, reference):
    (evidence,) = Evidence.of(store, {"data": reference}, table.cells(store))
    return evidence


def make_table(store, model, reference):
    return table.to_csv(list(table.rows(evidence_of(store, reference), model)))


def test_vanilla_is_the_samplers_own_run(model):
    found = drawn(model, "vanilla", 5, range(7, 9))
    experiment = model.model
    chain = experiment.sampler(5).chain(experiment.sde, noise=seeded_noise([7, 8]), shape=SIZE)
    assert torch.equal(found, sample(experiment.score, chain))


@pytest.mark.parametrize("name", ALL)
def test_theory_beside_a_cell_is_what_is_measured(name, model):
    images = drawn(model, name, NUM_STEPS, range(32))
    ours = features(images).fine.mean() / features(model.held_out(300)).fine.mean()
    # 32 images of 820 modes, half of them free: a standard error of 0.9 %, the data's 0.3 %; the
    # same seeds in every arm, so that all pass or none.
    assert ours == pytest.approx(table.predict(model, Cell(name, NUM_STEPS)).fine_power, rel=0.03)


def test_all_arms_differ(model):
    images = {
        name: drawn(model, name, NUM_STEPS, range(1)) for name in ALL if name != "pds+space:5"
    }
    pairs = itertools.combinations(images, 2)
    assert [(a, b) for a, b in pairs if torch.allclose(images[b], images[a], rtol=1e-3)] == []


def test_a_kernel_with_its_own_m_ignores_the_chains(model):
    experiment = model.model
    filtered = draw.plan(model, "pds:5", 6).sampler
    start = replace(filtered, corrector_m=Identity(), predictor_m=Identity())
    firsts, images = [], []
    for sampler in (start, filtered, experiment.sampler(6)):
        chain = sampler.chain(experiment.sde, noise=seeded_noise([0, 1]), shape=SIZE)
        firsts.append(next(chain).x)
        chain = sampler.chain(experiment.sde, noise=seeded_noise([0, 1]), shape=SIZE)
        images.append(sample(experiment.score, chain))
    assert torch.equal(firsts[0], firsts[1])
    assert not torch.equal(firsts[0], firsts[2])
    # Only the start differs from vanilla, and its wide noise is gone within an iteration or two.
    distances = [float((other - images[0]).square().mean()) for other in images[1:]]
    assert 0 < distances[1] < distances[0] / 10


def test_the_recursion_of_an_own_m_is_that_of_the_chains_but_for_the_start(model):
    field, plan = model.field, draw.plan(model, "pds:5", 400)
    plain, ones = plan.sampler, np.ones(len(field.data.power))
    own = replace(plain, corrector_m=plain.m, predictor_m=plain.m)
    sde = field.model.sde
    found, chains = (
        theory.variances(field.data, gain, sde, [s])[0]
        for gain, s in ((ones, own), (plan.gain, plain))
    )
    # Gains at a bin's mean radius, not the bin's mean gain.
    np.testing.assert_allclose(found, chains, rtol=0.01)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("pds", "pds needs its alpha, such as pds:5"),
        ("vanilla:5", "vanilla has no strength"),
        ("pds:1", "alpha must be > 1"),
        ("pds:x", "alpha must be > 1"),
        ("pds:nan", "alpha must be > 1"),
    ],
)
def test_a_name_that_is_no_arm_is_refused(name, sentence):
    with pytest.raises(ValueError, match=sentence):
        parse(name)


def test_names_have_one_spelling():
    assert parse_all("pds:5.0, vanilla,pds:5") == ("pds:5", "vanilla")


def test_missing_is_what_no_file_has(tmp_path):
    store, cell = Store(tmp_path), Cell("pds:5", 3)
    assert list(store.missing(cell, 5, 2)) == [
        Batch(cell, i, n) for i, n in ((0, 2), (2, 2), (4, 1))
    ]
    store.save(Batch(cell, 2, 2), torch.zeros(2, 1, 4, 4), nfe=6, seconds=1.0)
    assert list(store.missing(cell, 5, 4)) == [Batch(cell, 0, 2), Batch(cell, 4, 1)]
    assert store.cells() == [cell]
    with pytest.raises(ValueError, match="lacks its first image"):
        store.drawn(cell)


def test_images_come_back_in_order_up_to_the_first_gap(tmp_path):
    store, cell = Store(tmp_path), Cell("pds+space:5", 3)
    for first, size in ((2, 2), (0, 2), (6, 1), (1, 2)):
        images = torch.arange(first, first + size).float().reshape(-1, 1, 1, 1)
        store.save(Batch(cell, first, size), images, nfe=6, seconds=2.0 * size)
    found = store.drawn(cell)
    assert found.images.flatten().tolist() == [0, 1, 2, 3]
    assert (found.nfe, found.seconds) == (6, 2.0)


def test_a_killed_run_resumes_to_the_same_table(tmp_path, model, reference, monkeypatch):
    batches = [
        b for name in ("vanilla", "pds:5") for b in Store(tmp_path).missing(Cell(name, 6), 4, 2)
    ]
    whole, killed = Store(tmp_path / "whole"), Store(tmp_path / "killed")
    for store in (whole, killed):
        store.claim(model.name, model.fingerprint, seed=0)
    draw.draw_batches(whole, model, batches, seed=0)
    saved = Store.save

    def save_twice(store, batch, images, **more):
        if len(list(store.folder.rglob("*.npz"))) == 2:
            raise KeyboardInterrupt
        saved(store, batch, images, **more)

    monkeypatch.setattr(Store, "save", save_twice)
    with pytest.raises(KeyboardInterrupt):
        draw.draw_batches(killed, model, batches, seed=0)
    monkeypatch.undo()
    (killed.folder / "images" / "vanilla" / "6" / "000000-000001.npz.7.part").write_bytes(b"half")
    left = [b for name in ("vanilla", "pds:5") for b in killed.missing(Cell(name, 6), 4, 2)]
    assert left == batches[2:]
    draw.draw_batches(killed, model, left, seed=0)
    texts = [make_table(store, model, reference) for store in (whole, killed)]
    assert without_seconds(texts[0]) == without_seconds(texts[1])
    assert len(without_seconds(texts[0])) == 2


def test_a_diverged_cell_is_reported_and_breaks_nothing(tmp_path, model, reference):
    store = Store(tmp_path)
    good = drawn(model, "vanilla", 20, range(4))
    for num_steps, images in (
        (20, good),
        (10, 2 * good),
        (5, torch.full_like(good, float("nan"))),
        (4, torch.cat([good[:3], 1e30 * good[3:]])),
    ):
        store.save(Batch(Cell("vanilla", num_steps), 0, 4), images, nfe=1, seconds=1.0)
        store.save(Batch(Cell("pds:5", num_steps), 0, 4), good, nfe=1, seconds=1.0)
    evidence = evidence_of(store, reference)
    rows = list(table.rows(evidence, model))
    assert [row.measured.diverged for row in rows] == [0, 0, 4, 1, 0, 0, 0, 0]
    assert rows[2].scores == {} and rows[6].against == {} and rows[6].scores
    matches = list(equivalence.matches(evidence))
    assert {(m.fewest, m.most) for m in matches} == {(10, 20)}
    checked = validation.check(model.held_out(50))
    tables = report.Tables(rows, matches, [], [])
    html = report.page("Fields", tables, checked, Cell("vanilla", 20).converged)
    assert "plotly" in html and 'src="http' not in html


def test_the_same_images_match_the_same_n(tmp_path, model, reference):
    store = Store(tmp_path)
    for num_steps in (10, 20, 40):
        images = drawn(model, "vanilla", num_steps, range(8))
        store.save(Batch(Cell("vanilla", num_steps), 0, 8), images, nfe=1, seconds=1.0)
        if num_steps == 20:
            store.save(Batch(Cell("pds:5", 5), 0, 8), images, nfe=1, seconds=1.0)
    found = {m.metric: m for m in equivalence.matches(evidence_of(store, reference))}
    numbers = {name: (m.value, m.low, m.high, m.acceleration) for name, m in found.items()}
    assert numbers == dict.fromkeys(equivalence.EQUAL, pytest.approx((20, 20, 20, 4)))
    assert found["w2"].sentence == "pds:5 at N = 5 matches vanilla at N = 20 (20 to 20): 4 times"


def test_the_networks_own_pictures_have_seeds_of_their_own_and_are_no_cell(tmp_path, model):
    store, cell = Store(tmp_path), Cell("pds:5", 6)
    draw.draw_batches(store, model, list(store.missing(cell, 2, 2)), seed=3)
    draw.draw_batches(store, model, list(store.missing(cell.converged, 3, 2)), seed=3)
    assert store.cells() == [cell]
    expected = drawn(model, "pds:5", 6, range(1_000_003, 1_000_006))
    own = store.own_pictures(cell.converged, 10)
    torch.testing.assert_close(own, expected, atol=1e-3, rtol=1e-3)
    assert torch.equal(store.own_pictures(cell.converged, 2), own[:2])
    assert store.own_pictures(cell.converged, 1) is None
    assert store.own_pictures(Cell("vanilla", 6).converged, 10) is None
    assert list(store.missing(cell.converged, 4, 9)) == [Batch(cell.converged, 3, 1)]


def test_a_diverged_sampler_is_no_reference(tmp_path):
    store, cell = Store(tmp_path), Cell("vanilla", 4).converged
    store.save(Batch(cell, 0, 2), torch.full((2, 1, 32, 32), torch.inf), nfe=1, seconds=1.0)
    with pytest.raises(ValueError, match="vanilla at N = 4 diverged and is no reference"):
        store.own_pictures(cell, 2)


@pytest.fixture(scope="module")
def agreeing(tmp_path_factory, model):
    """Rows of exact clouds and of noisy ones against other exact clouds."""
    store = Store(tmp_path_factory.mktemp("agreeing"))
    exact = model.held_out(400)
    for cell, images in (
        (Cell("vanilla", 400), exact[:40]),
        (Cell("ode-heun", 50), exact[40:80] + 0.2 * torch.randn(40, 1, 32, 32)),
        (Cell("ode-heun", 20), exact[40:80]),
    ):
        store.save(Batch(cell, 0, 40), images, nfe=1, seconds=1.0)
    references = {"network": Reference.of(exact[80:]), "data": Reference.of(exact[80:])}
    every = Evidence.of(store, references, table.cells(store))
    return [row for evidence in every for row in table.rows(evidence, model)]


def test_every_cell_has_a_row_for_each_reference(agreeing):
    assert [(row.reference, *row.cell) for row in agreeing[::3]] == [
        ("network", "vanilla", 400), ("data", "vanilla", 400),
    ]  # fmt: skip
    (header, *lines) = list(csv.reader(io.StringIO(table.to_csv(agreeing))))
    assert len(lines) == 6
    assert header[:4] == ["arm", "N", "reference", "images"]


def test_theory_stands_beside_the_data_only(agreeing):
    known = [row.reference for row in agreeing if np.isfinite(row.theory.w2)]
    assert known == ["data"] * 3


def test_samplers_at_the_end_are_said_to_agree_or_to_differ(agreeing):
    heun, vanilla = agreement.sentences(agreeing, Cell("ode-heun", 50).converged)
    assert vanilla.startswith("vanilla at N = 400, 40 images from other seeds")
    assert vanilla.endswith("; the images agree.")
    assert heun.startswith("ode-heun at N = 50")
    assert "; it differs by grain," in heun


def test_more_images_go_on_from_the_same_seeds(tmp_path, model):
    store, cell = Store(tmp_path), Cell("vanilla", 4)
    for num_images in (2, 5):
        draw.draw_batches(store, model, list(store.missing(cell, num_images, 2)), seed=3)
    expected = drawn(model, "vanilla", 4, range(3, 8))
    # Stored in half precision.
    torch.testing.assert_close(store.drawn(cell).images, expected, atol=1e-3, rtol=1e-3)
