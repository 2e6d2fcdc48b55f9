"""The classifier two-sample test: at chance on equal sets, and it detects planted differences."""

import pytest
import torch

from pds.evaluation import classifier, judgments, table
from pds.evaluation.judgments import Judgment
from pds.evaluation.metrics import Interval
from pds.evaluation.store import Batch, Cell, Store
from pds.evaluation.validation import blurred
from pds.portraits import portraits

OWN = Cell("ode-heun", 50).converged


def small_portraits(seeds):
    """Portraits of 16 px, a quarter of the work."""
    return torch.nn.functional.avg_pool2d(portraits(seeds), 2)


@pytest.fixture(scope="module")
def many():
    return small_portraits(range(5_000_000, 5_000_400))


@pytest.fixture(scope="module")
def pictures():
    return small_portraits(range(5_000_000, 5_000_120))


@pytest.fixture
def briefly(monkeypatch):
    """Train for a moment, for what does not depend on how well the network learns."""
    monkeypatch.setattr(classifier, "EPOCHS", 3)


def test_two_sets_of_one_distribution_cannot_be_told_apart(pictures):
    accuracy = classifier.accuracy(pictures[:20], pictures[20:40])
    assert accuracy.low < 0.5 < accuracy.high


@pytest.mark.slow
def test_sets_of_one_distribution_cannot_be_told_apart(many):
    """Of 8 intervals of 95 %, fewer than 6 hold 0.5 with a chance of 6 in 1000.

    Of 60 pairs of 100 + 100 portraits of 32 px all did; their accuracies have mean 0.511 and
    standard deviation 0.044.
    """
    sets = many.split(25)
    found = [classifier.accuracy(*pair) for pair in zip(sets[0::2], sets[1::2], strict=True)]
    assert sum(accuracy.low < 0.5 < accuracy.high for accuracy in found) >= 6


def noisy(x):
    return x + 0.01 * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))


def test_blur_is_found(pictures):
    assert classifier.accuracy(pictures[:60], blurred(pictures[60:], 0.5)).low > 0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    "spoil", [noisy, lambda x: x.mean(0) + 0.9 * (x - x.mean(0))], ids=["noise", "contrast"]
)
def test_what_is_planted_is_found(spoil, many):
    assert classifier.accuracy(many[:200], spoil(many[200:])).low > 0.5


@pytest.mark.usefixtures("briefly")
def test_the_same_pictures_give_the_same_answer_whatever_the_global_seed(pictures):
    few = pictures[:20], pictures[40:60]
    torch.manual_seed(1)
    state = torch.get_rng_state()
    once = classifier.accuracy(*few)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert classifier.accuracy(*few) == once


@pytest.mark.usefixtures("briefly")
def test_what_the_screen_does_not_show_does_not_count(pictures):
    few = pictures[:10]
    white = torch.ones(10, 3, 16, 16)
    assert classifier.accuracy(few, white) == classifier.accuracy(few, 5 * white)


def test_gray_pictures_of_the_smallest_size_are_told_apart():
    generator = torch.Generator().manual_seed(0)
    gray = 0.5 + 0.1 * torch.randn(60, 1, 8, 8, generator=generator)
    assert classifier.accuracy(gray[:30], 0.5 * gray[30:] + 0.25).low > 0.5


@pytest.mark.parametrize("count", [0, 1, 3])
def test_sets_that_cannot_be_compared_are_refused(count):
    with pytest.raises(ValueError, match=rf"got {count} and 2"):
        classifier.accuracy(torch.zeros(count, 3, 8, 8), torch.zeros(2, 3, 8, 8))


def test_the_interval_is_wilsons():
    """Half of 100: 0.5 -+ 0.0962, from Wilson's formula by hand."""
    assert classifier._interval(0.5, 100) == pytest.approx((0.5, 0.4038, 0.5962), abs=1e-4)
    assert classifier._interval(1.0, 100) == pytest.approx((1, 0.963, 1), abs=1e-3)


@pytest.fixture
def store(tmp_path, pictures):
    """A folder with two cells of 4 pictures and one of 3."""
    store = Store(tmp_path)
    cells = {Cell("vanilla", 20): 4, Cell("vanilla", 10): 4, Cell("pds:5", 10): 3}
    for first, (cell, count) in enumerate(cells.items()):
        images = pictures[10 * first : 10 * first + count]
        store.save(Batch(cell, 0, count), images, nfe=1, seconds=1.0)
    return store


@pytest.fixture
def trained(monkeypatch):
    """The sizes of the sets that a classifier was trained on; every accuracy is 0.75."""
    sizes = []

    def accuracy(one, other, *, device):
        sizes.append((len(one), len(other)))
        return Interval(0.75, 0.5, 1.0)

    monkeypatch.setattr(classifier, "accuracy", accuracy)
    return sizes


def judge(store, own, count=4):
    judgments.judge(store, table.cells(store), own, OWN, count)
    return [(j.cell, j.images) for j in judgments.read_judgments(store)]


def test_every_cell_with_enough_pictures_and_the_control_are_judged(store, trained, pictures):
    expected = [(cell, 4) for cell in (OWN, Cell("vanilla", 20), Cell("vanilla", 10))]
    assert judge(store, pictures[100:108]) == expected
    assert trained == [(4, 4)] * 3
    assert judgments.read_judgments(store)[0].accuracy == (0.75, 0.5, 1.0)


def test_pictures_that_did_not_change_are_not_judged_again(store, trained, pictures):
    before = judge(store, pictures[100:108])
    trained.clear()
    assert judge(store, pictures[100:108]) == before
    assert trained == []
    more = pictures[60:64]
    store.save(Batch(Cell("tuned", 10), 0, 4), more, nfe=1, seconds=1.0)
    assert len(judge(store, pictures[100:108])) == 4
    assert trained == [(4, 4)]


def test_without_pictures_for_it_there_is_no_control(store, trained, pictures):
    assert [cell.arm for cell, _ in judge(store, pictures[100:107])] == ["vanilla"] * 2


def test_too_few_of_the_networks_own_are_refused(store, pictures):
    with pytest.raises(ValueError, match=r"--classifier 4 needs as many .* the folder has 3"):
        judge(store, pictures[100:103])


def test_a_stopped_run_keeps_what_it_has_judged(store, monkeypatch, trained, pictures):
    judge(store, pictures[100:108])
    judged = classifier.accuracy

    def stop(one, other, *, device):
        raise KeyboardInterrupt

    store.save(Batch(Cell("levels", 10), 0, 4), pictures[60:64], nfe=1, seconds=1.0)
    monkeypatch.setattr(classifier, "accuracy", stop)
    with pytest.raises(KeyboardInterrupt):
        judge(store, pictures[100:108])
    monkeypatch.setattr(classifier, "accuracy", judged)
    trained.clear()
    judge(store, pictures[100:108])
    assert trained == [(4, 4)]


def test_equal_quality_by_the_classifier_is_where_vanilla_is_told_apart_as_often():
    def judgment(arm, num_steps, accuracy):
        interval = Interval(accuracy, accuracy - 0.01, accuracy + 0.01)
        return Judgment(Cell(arm, num_steps), 1000, interval, "")

    vanilla = [judgment("vanilla", n, a) for n, a in ((10, 0.9), (100, 0.6), (1000, 0.51))]
    (equal, perfect) = judgments.matches(
        [
            *vanilla,
            *(judgment(*c) for c in (("pds:5", 10, 0.6), ("tuned", 10, 0.4), ("snr", 10, 1))),
        ]
    )
    assert (equal.metric, equal.reference) == ("classifier", "network")
    assert equal.value == pytest.approx(100)
    assert equal.low < 100 < equal.high
    # Chance level is reached between 100 and 1000; a lower accuracy gains nothing.
    assert 100 < perfect.value < 1000
