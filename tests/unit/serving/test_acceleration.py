"""CUDA graphs of a score function: one for each batch size, eager calls without a graph."""

import logging
from contextlib import contextmanager, nullcontext

import pytest
import torch

from pds.scores.ncsnpp import resampling
from pds.serving import acceleration
from pds.serving.acceleration import MOST_IMAGES, Graphed, accelerate, bucket

X, T = torch.ones(2, 1, 4, 4), torch.tensor([0.5, 1.0])


def score(x, t):
    return x * t[:, None, None, None]


class Capture:
    """A stand-in for CUDA: the captured function accepts one shape, and negates the scores."""

    def __init__(self):
        self.shapes = []

    def __call__(self, score, x, t):
        self.shapes.append(tuple(x.shape))
        static_x, static_t = x.clone(), t.clone()

        def replay(x, t):
            assert not torch.is_grad_enabled()
            static_x.copy_(x)
            static_t.copy_(t)
            assert x.shape == static_x.shape
            return -score(static_x, static_t)

        return replay


def test_on_a_cpu_a_score_function_is_left_as_it_is():
    assert accelerate(score, torch.device("cpu")) is score


def test_every_call_is_replayed_with_its_own_inputs():
    faster = Graphed(score, Capture())
    calls = [(X, T), (3 * X, T), (X, T / 3)]
    found, expected = ([f(x, t) for x, t in calls] for f in (faster, score))
    torch.testing.assert_close(torch.stack(found), -torch.stack(expected), rtol=0, atol=0)


def test_a_batch_size_is_captured_once():
    capture = Capture()
    faster = Graphed(score, capture)
    found, expected = ([f(X[:n], T[:n]) for n in (2, 1, 2, 1)] for f in (faster, score))
    torch.testing.assert_close(found, [-images for images in expected], rtol=0, atol=0)
    assert capture.shapes == [(2, 1, 4, 4), (1, 1, 4, 4)]


def test_images_of_another_size_are_captured_too():
    capture = Capture()
    faster = Graphed(score, capture)
    for size in (4, 8):
        faster(torch.ones(2, 1, size, size), T)
    assert capture.shapes == [(2, 1, 4, 4), (2, 1, 8, 8)]


def test_a_batch_is_filled_up_and_its_own_images_come_back():
    capture = Capture()
    x = torch.arange(17.0).reshape(17, 1, 1, 1).expand(17, 1, 4, 4)
    t = torch.linspace(0.2, 1, 17)
    assert torch.equal(Graphed(score, capture)(x, t), -score(x, t))
    assert capture.shapes == [(18, 1, 4, 4)]


def test_a_batch_that_keeps_the_gpu_busy_is_not_captured():
    capture, count = Capture(), MOST_IMAGES + 1
    x, t = torch.ones(count, 1, 2, 2), torch.ones(count)
    assert torch.equal(Graphed(score, capture)(x, t), score(x, t))
    assert capture.shapes == []


def test_what_cannot_be_captured_stays_eager_and_is_logged_once(caplog):
    def capture(score, x, t):
        raise RuntimeError("operation not permitted when stream is capturing\nand a long story")

    faster = Graphed(score, capture)
    with caplog.at_level(logging.WARNING):
        found, expected = ([f(X[:n], T[:n]) for n in (2, 1, 2)] for f in (faster, score))
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    (record,) = caplog.records
    assert record.getMessage() == (
        "calls cannot be captured as CUDA graphs and stay eager: operation not permitted when "
        "stream is capturing"
    )


def test_a_batch_that_is_too_large_is_the_caller_s_to_make_smaller():
    def capture(score, x, t):
        raise torch.OutOfMemoryError("CUDA out of memory")

    faster = Graphed(score, capture)
    with pytest.raises(torch.OutOfMemoryError):
        faster(X, T)
    with pytest.raises(torch.OutOfMemoryError):
        faster(X, T)


@pytest.mark.parametrize(
    ("count", "room"),
    [(1, 1), (7, 7), (16, 16), (17, 18), (31, 32), (33, 36), (64, 64), (65, 72), (400, 416)],
)
def test_batches_have_few_sizes(count, room):
    assert bucket(count) == room


def test_at_most_an_eighth_of_a_batch_is_there_to_fill_it():
    counts = range(1, MOST_IMAGES + 1)
    assert max((bucket(count) - count) / count for count in counts) < 1 / 8
    assert len({bucket(count) for count in counts}) == 56


class Streams:
    """The current stream of `torch.cuda`, whose captures all fail where they end."""

    def __init__(self):
        self.current = self

    def wait_stream(self, other):
        pass

    @contextmanager
    def stream(self, stream):
        before, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = before

    def graph(self, graph, pool, stream, *, capture_error_mode):
        @contextmanager
        def recording():
            self.current = stream
            yield
            raise RuntimeError("operation failed due to a previous error during capture")

        return recording()


def test_after_a_capture_that_failed_the_thread_has_its_own_stream_again(monkeypatch):
    """As torch 2.11: its `torch.cuda.graph` leaves the stream of the capture set."""
    streams, memory = Streams(), acceleration.GraphMemory("pool", Streams())
    for name in ("stream", "graph"):
        monkeypatch.setattr(torch.cuda, name, getattr(streams, name))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: streams.current)
    monkeypatch.setattr(torch.cuda, "device", lambda _: nullcontext())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", object)
    with pytest.raises(RuntimeError, match="during capture"):
        acceleration.capture_graph(score, X, T, memory=memory)
    assert streams.current is streams


def test_a_convolution_without_room_to_work_is_not_kept_from_graphs():
    def capture(score, x, t):
        raise RuntimeError("GET was unable to find an engine to execute this computation")

    faster = Graphed(score, capture)
    with pytest.raises(RuntimeError, match="unable to find an engine"):
        faster(X, T)
    assert not faster._eager


def test_the_filters_that_graphs_read_are_kept_however_many_there_are():
    assert resampling._kept_planes.cache_info().maxsize is None
