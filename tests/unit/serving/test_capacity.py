import pytest
import torch

from pds import models
from pds.serving.capacity import CPU_BYTES, largest_batch, peak_bytes


def test_the_peak_is_what_is_alive_at_one_time():
    given = torch.zeros(1000)

    def work():
        a = given + 1  # 4,000 bytes
        b = a * 2  # 8,000
        del a
        c = b + 1  # 8,000
        return c.double()  # 16,000

    assert peak_bytes(work) == 16_000


def test_views_are_counted_once_and_hold_their_memory():
    given = torch.zeros(1000)

    def work():
        view = (given + 1).view(10, 100)  # 4,000 bytes, held by the view alone
        given.view(10, 100)
        return view * 2, view  # 8,000

    assert peak_bytes(work) == 8_000


def test_memory_grows_with_the_batch():
    model = models.load_model("portraits32")

    def used(count):
        x, t = torch.zeros(count, *model.image_shape), torch.ones(count)
        return peak_bytes(lambda: model.score(x, t))

    assert used(6) == pytest.approx(6 * used(1), rel=0.05)


FEWEST = {"portraits128": 4, "portraits256": 2}
"""Images of a call where 8 take more memory; a run with more has a call of its own."""


@pytest.mark.parametrize("name", models.MODELS)
def test_a_batch_of_each_model_fits_into_the_memory_of_a_call(name):
    model = models.load_model(name)
    count = largest_batch(model.score, model.image_shape)
    assert count >= FEWEST.get(name, 8)
    assert model.batchers[model.device].max_images == count
    x, t = torch.zeros(2, *model.image_shape), torch.ones(2)
    assert count / 2 * peak_bytes(lambda: model.score(x, t)) <= 1.1 * CPU_BYTES


def test_a_model_that_is_too_large_still_takes_one_image():
    assert largest_batch(lambda x, t: torch.zeros(CPU_BYTES), (3, 8, 8)) == 1
