"""Network calls that are split when they exceed the memory."""

import pytest
import torch

from pds.serving.splitting import Splitting


class Limited:
    """A score function with room for a number of images; keeps how many each call had."""

    def __init__(self, room, error=torch.OutOfMemoryError):
        self.room, self.sizes, self.error = room, [], error

    def __call__(self, x, t):
        self.sizes.append(len(x))
        if len(x) > self.room:
            raise self.error("GET was unable to find an engine to execute this computation")
        return x * t[:, None, None, None]


@pytest.mark.parametrize(
    ("room", "sizes"), [(9, [7]), (3, [7, 3, 3, 1]), (2, [7, 3, 1, 1, 1, 1, 1, 1, 1])]
)
def test_a_call_is_halved_until_it_fits_and_gives_the_same(room, sizes):
    score = Limited(room)
    x, t = torch.arange(7 * 4.0).reshape(7, 1, 2, 2), torch.arange(7.0)
    assert torch.equal(Splitting(score)(x, t), x * t[:, None, None, None])
    assert score.sizes == sizes


def test_later_calls_have_the_size_that_fitted():
    score = Limited(4)
    splitting = Splitting(score)
    splitting(torch.ones(8, 1, 2, 2), torch.ones(8))
    score.sizes.clear()
    splitting(torch.ones(8, 1, 2, 2), torch.ones(8))
    assert score.sizes == [4, 4]


def test_an_image_that_does_not_fit_is_refused_each_time():
    score = Limited(0)
    splitting = Splitting(score)

    def sizes_when_refused():
        with pytest.raises(ValueError, match="one image of 1 x 2 x 2 needs more memory than cpu"):
            splitting(torch.ones(2, 1, 2, 2), torch.ones(2))
        return list(score.sizes)

    assert [sizes_when_refused(), sizes_when_refused()] == [[2, 1], [2, 1, 1]]


def test_a_convolution_without_room_to_work_is_split_too():
    score = Limited(3, RuntimeError)
    Splitting(score)(torch.ones(7, 1, 2, 2), torch.ones(7))
    assert score.sizes == [7, 3, 3, 1]


def test_other_errors_of_the_device_are_not_taken_for_a_lack_of_memory():
    def broken(x, t):
        raise RuntimeError("an illegal memory access was encountered")

    with pytest.raises(RuntimeError, match="illegal memory access"):
        Splitting(broken)(torch.ones(7, 1, 2, 2), torch.ones(7))
