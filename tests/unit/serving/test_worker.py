"""The worker's thread: steps, errors, slow readers and readers that leave."""

import queue
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from pds.serving.batcher import Batcher
from pds.serving.worker import AHEAD, Worker
from tests.support.placed import here
from tests.support.workers import FIELD, PATIENCE, alone, chains, eventually


class WatchedScore:
    """A field's score that counts calls and images, and can be held up."""

    def __init__(self):
        self.sizes, self.gate = [], threading.Event()
        self.gate.set()

    def __call__(self, x, t):
        assert self.gate.wait(PATIENCE)
        self.sizes.append(len(x))
        return FIELD(x, t)


@pytest.fixture
def score():
    return WatchedScore()


@pytest.fixture
def batcher(score):
    return Batcher(score)


@pytest.fixture
def worker():
    worker = Worker(str(here()))
    yield worker
    eventually(lambda: worker.num_runs == 0)


def test_thirty_visitors_get_what_they_would_get_alone(worker, batcher, score):
    results = {}

    def visit(seed):
        *_, (last,) = worker.stream(batcher, chains(seed=seed, num_steps=4 + seed % 5))
        results[seed] = last

    threads = [threading.Thread(target=visit, args=(seed,)) for seed in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert set(results) == set(range(30))
    found = torch.stack([results[seed].x_mean for seed in range(30)])
    expected = torch.stack([alone(seed=seed, num_steps=4 + seed % 5) for seed in range(30)])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert max(score.sizes) > 1


def test_a_reader_gets_every_iteration_in_order(worker, batcher):
    seen = [step.index for (step,) in worker.stream(batcher, chains(num_steps=50))]
    assert seen == list(range(50))


def test_nothing_starts_before_the_first_step_is_read(worker, batcher, score):
    worker.stream(batcher, chains())
    assert worker._thread is None
    assert not score.sizes
    assert worker.num_runs == 0


def test_who_closes_is_gone_before_the_next_half_step(worker, batcher, score):
    run = worker.stream(batcher, chains(num_steps=2000))
    next(run)
    run.close()
    eventually(lambda: worker.num_runs == 0)
    done = len(score.sizes)
    assert done <= 2 * (AHEAD + 1)
    assert len(list(worker.stream(batcher, chains(seed=3, num_steps=4)))) == 4
    assert score.sizes[done:] == 8 * [1]  # calls of the second run alone


def test_a_reader_who_stops_reading_costs_no_more_than_the_steps_that_wait(worker, batcher, score):
    run = worker.stream(batcher, chains(num_steps=2000))
    next(run)
    eventually(lambda: batcher.num_runs == 0)
    assert len(score.sizes) <= 2 * (AHEAD + 1)
    another = [step.index for (step,) in worker.stream(batcher, chains(seed=3))]
    assert len(another) == 6
    assert [step.index for (step,), _ in zip(run, range(20), strict=False)] == list(range(1, 21))
    run.close()


def test_runs_of_two_models_advance_in_turn(worker):
    """Neither waits for the other's run to end."""
    order = []

    def model(name):
        def score(x, t):
            order.append(name)
            return FIELD(x, t)

        return Batcher(score)

    first = worker.stream(model("a"), chains(num_steps=300))
    next(first)
    done = [step.index for (step,) in worker.stream(model("b"), chains(num_steps=30))]
    assert len(done) == 30
    first.close()
    assert "a" in order[order.index("b") :]


def test_an_error_of_a_model_reaches_only_its_visitors(worker, batcher):
    def broken(x, t):
        raise RuntimeError("no such kernel")

    healthy = worker.stream(batcher, chains(num_steps=40))
    next(healthy)
    with pytest.raises(RuntimeError, match="no such kernel"):
        next(worker.stream(Batcher(broken), chains()))
    assert [step.index for (step,) in healthy] == list(range(1, 40))


def test_a_run_that_cannot_join_gets_the_reason(worker, batcher):
    run = worker.stream(batcher, chains(num_steps=40))
    next(run)
    with pytest.raises(ValueError, match="cannot join"):
        next(worker.stream(batcher, chains(size=4)))
    run.close()


class CountedQueue:
    """A queue that counts what was put, and how often the next was waited for."""

    def __init__(self):
        self.queue, self.num_put, self.num_waits = queue.SimpleQueue(), 0, 0

    def put(self, item):
        self.num_put += 1
        self.queue.put(item)

    def get(self):
        self.num_waits += 1
        return self.queue.get()

    def empty(self):
        return self.queue.empty()


def test_a_worker_without_runs_waits_for_the_next_command(worker, batcher):
    worker._commands = CountedQueue()
    list(worker.stream(batcher, chains()))
    eventually(lambda: worker.num_runs == 0)
    eventually(lambda: worker._commands.num_waits == worker._commands.num_put + 1)


def test_a_copy_of_the_process_starts_without_the_runs_of_the_other(worker, batcher):
    """A fork has no thread but its own; what the worker then does is done here by hand."""
    run = worker.stream(batcher, chains(num_steps=2000))
    next(run)
    copy = Worker()
    copy._readers, copy._thread = dict(worker._readers), worker._thread
    run.close()
    eventually(lambda: worker.num_runs == 0)
    copy._forget()
    assert copy.num_runs == batcher.num_runs == 0
    *_, (last,) = copy.stream(batcher, chains(seed=3, num_steps=4))
    torch.testing.assert_close(last.x_mean, alone(seed=3, num_steps=4), rtol=0, atol=1e-5)
    eventually(lambda: copy.num_runs == 0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_ends_answers_the_runs_that_wait_to_join(batcher, monkeypatch):
    worker, gate = Worker(), threading.Event()

    def fault():
        assert gate.wait(PATIENCE)
        raise RuntimeError("an illegal memory access")

    monkeypatch.setattr(worker, "_step_all", fault)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(next, worker.stream(batcher, chains()))
        eventually(lambda: worker.num_runs == 1)
        second = pool.submit(next, worker.stream(batcher, chains(seed=3)))
        eventually(lambda: not worker._commands.empty())
        gate.set()
        errors = [str(run.exception(PATIENCE)) for run in (first, second)]
    assert errors == 2 * ["an illegal memory access"]
    worker._thread.join(PATIENCE)
    assert not worker.alive
    assert worker.num_runs == batcher.num_runs == 0
