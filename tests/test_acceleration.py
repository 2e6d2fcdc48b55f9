"""Compiling happens behind the caller's back: eager meanwhile, compiled after, eager for good."""

import logging
import threading
import weakref

import pytest
import torch

from pds.serving import acceleration
from pds.serving.acceleration import Background, accelerate, bucket, keep_all_shapes

X, T = torch.ones(2, 1, 4, 4), torch.tensor([0.5, 1.0])


def score(x, t):
    return x * t[:, None, None, None]


def marked(score):
    """A "compiled" score function, told from the eager one by its sign."""
    return lambda x, t: -score(x, t)


def test_on_a_cpu_a_score_function_is_left_as_it_is():
    assert accelerate(score, torch.device("cpu")) is score


def test_callers_are_answered_eagerly_until_it_is_compiled():
    may_finish = threading.Event()

    def slow(score):
        assert may_finish.wait(60)
        return marked(score)

    faster = Background(score, slow)
    assert torch.equal(faster(X, T), score(X, T))
    assert torch.equal(faster(X, T), score(X, T))
    may_finish.set()
    faster.wait()
    assert torch.equal(faster(X, T), -score(X, T))


def test_another_shape_is_compiled_too_and_eager_meanwhile():
    seen = []

    def compile(score):
        def call(x, t):
            seen.append(x.shape)
            return -score(x, t)

        return call

    faster = Background(score, compile)
    for count in (2, 1):
        assert torch.equal(faster(X[:count], T[:count]), score(X[:count], T[:count]))
        faster.wait()
        assert torch.equal(faster(X[:count], T[:count]), -score(X[:count], T[:count]))
    assert seen == 4 * [X.shape] + 4 * [X[:1].shape]


def test_all_compiled_calls_are_made_by_the_thread_that_compiled():
    threads = []

    def compile(score):
        threads.append(threading.get_ident())

        def call(x, t):
            threads.append(threading.get_ident())
            assert not torch.is_grad_enabled()
            return score(x, t)

        return call

    faster = Background(score, compile)
    faster(X, T)
    faster.wait()
    faster(X, T)
    assert len(threads) == 5
    assert len(set(threads)) == 1 and threading.get_ident() not in threads


def fails_at_once(score):
    raise RuntimeError("no compiler\nand a long story")


def fails_when_called(score):
    def call(x, t):
        raise AssertionError("no compiler")

    return call


@pytest.mark.parametrize("compile", [fails_at_once, fails_when_called])
def test_what_cannot_be_compiled_stays_eager_and_is_logged_once(compile, caplog):
    faster = Background(score, compile)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert torch.equal(faster(X, T), score(X, T))
            faster.wait()
    (record,) = caplog.records
    assert record.getMessage() == (
        "shape (2, 1, 4, 4) is not compiled and stays eager: no compiler"
    )


@pytest.mark.parametrize(
    ("count", "room"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 6), (7, 8), (9, 12), (13, 16), (65, 96)]
)
def test_batches_have_few_sizes(count, room):
    assert bucket(count) == room


def test_a_batch_is_filled_up_and_its_own_images_come_back():
    sizes = []

    def compile(score):
        return lambda x, t: sizes.append(len(x)) or score(x, t)

    faster = Background(score, compile)
    x, t = torch.arange(5.0).reshape(5, 1, 1, 1).expand(5, 1, 4, 4), torch.linspace(0.2, 1, 5)
    faster(x, t)
    faster.wait()
    assert torch.equal(faster(x, t), score(x, t))
    assert set(sizes) == {6}


class Compiler:
    """Compiles when it may, and notes the shapes and the thread."""

    def __init__(self):
        self.may_finish, self.begun, self.shapes = threading.Event(), threading.Event(), []

    def __call__(self, score):
        self.thread = threading.current_thread()
        self.begun.set()
        assert self.may_finish.wait(60)
        return lambda x, t: self.shapes.append(tuple(x.shape)) or score(x, t)


def test_a_dropped_score_ends_its_thread_and_compiles_no_further_shape():
    compiler = Compiler()
    faster = Background(score, compiler)
    faster(X, T)
    faster(X[:1], T[:1])
    assert compiler.begun.wait(60)
    del faster
    compiler.may_finish.set()
    compiler.thread.join(60)
    assert not compiler.thread.is_alive()
    assert set(compiler.shapes) == {X.shape}


def test_a_dropped_score_is_freed_while_its_next_shapes_wait():
    compiler = Compiler()
    faster = Background(score, compiler)
    faster(X, T)
    faster(X[:1], T[:1])
    assert compiler.begun.wait(60)
    kept = weakref.ref(faster)
    del faster
    assert kept() is None
    compiler.may_finish.set()


def test_the_thread_compiles_on_its_own_device(monkeypatch):
    made = []
    monkeypatch.setattr(
        acceleration, "make_current", lambda d: made.append((d, threading.current_thread()))
    )
    compiler = Compiler()
    compiler.may_finish.set()
    faster = Background(score, compiler, torch.device("cuda:3"))
    faster(X, T)
    faster.wait()
    assert made == [(torch.device("cuda:3"), compiler.thread)]


def test_every_shape_of_every_model_is_compiled(monkeypatch):
    """By default the ninth shape would silently stay eager, and all networks share their code."""
    for name in ("recompile_limit", "accumulated_recompile_limit"):
        monkeypatch.setattr(torch._dynamo.config, name, getattr(torch._dynamo.config, name))
    keep_all_shapes()
    compiled = []

    def backend(graph, inputs):
        compiled.append(len(inputs[0]))
        return graph.forward

    counts = [bucket(count) for count in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)]
    with torch.no_grad():
        for count in counts:
            x, t = torch.ones(count, 1, 4, 4), torch.full((count,), 0.5)
            torch.compile(score, backend=backend, dynamic=False)(x, t)
    assert compiled == counts
