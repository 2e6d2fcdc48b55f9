"""Runs on several devices: their placement, identical pictures, and cleanup.

Two devices of one CPU, "cpu:0" and "cpu:1", have threads, copies and batchers of their own.
"""

import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from pds import models
from pds.models import Model, compare_request, from_images, load_model, run_chains, score_on
from pds.portraits import portraits
from pds.request import Request
from pds.serving import devices as devices_module
from pds.serving import worker as worker_module
from pds.serving.devices import PerDevice, devices, parse_devices
from pds.serving.worker import Workers
from tests.support.workers import BOTH, LONG, PATIENCE, chains, eventually, started, workers

__all__ = ["workers"]


@pytest.fixture
def own():
    """A visitor's model; the test drops it."""
    name = models.visitor_models.add(from_images(portraits(range(12), size=32)), "own")
    yield name
    models.visitor_models.drop("own")


@pytest.fixture
def environment(monkeypatch):
    """Sets `PDS_DEVICES` for `devices`, or unsets it."""
    devices.cache_clear()
    monkeypatch.delenv("PDS_DEVICES", raising=False)
    yield lambda names: monkeypatch.setenv("PDS_DEVICES", names)
    devices.cache_clear()


def pixels(request):
    *_, last = compare_request(request)
    return torch.cat([last.vanilla.x_mean, last.pds.x_mean])


def test_without_a_gpu_the_cpu_is_the_only_device(environment, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices() == ("cpu",)


def test_every_gpu_is_a_device(environment, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert devices() == ("cuda:0", "cuda:1", "cuda:2")


def test_a_gpu_that_is_lent_later_is_a_device(environment, monkeypatch):
    """Such a host says that there is one, though none can be counted before a call."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert devices() == ("cuda:0",)


def test_the_environment_names_the_devices_and_the_first_is_the_default(environment):
    environment("cpu:1,cpu:0")
    assert devices() == ("cpu:1", "cpu:0")
    assert models.default_device() == "cpu:1"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("cpu", ("cpu",)),
        ("cuda", ("cuda:0",)),
        ("cuda:1, cuda:0", ("cuda:1", "cuda:0")),
        ("cpu:0,cpu:12", ("cpu:0", "cpu:12")),
    ],
)
def test_names_of_devices_are_separated_by_commas(names, expected):
    assert parse_devices(names, 2) == expected


@pytest.mark.parametrize(
    "names", ["gpu", "cuda:2", "cuda,cuda:0", "cpu,cpu", "cpu:100", "cpu;cuda", ",", "mps"]
)
def test_what_is_no_device_here_is_refused_in_one_sentence(names):
    with pytest.raises(ValueError, match=r"PDS_DEVICES must name devices of this machine") as error:
        parse_devices(names, 2)
    assert names in str(error.value)
    assert str(error.value).endswith("it has 2 CUDA devices")


def test_a_value_is_built_once_for_each_device_by_many_threads():
    built = []

    def build(device):
        built.append(device)
        threading.Event().wait(0.02)  # long enough for the others to come
        return object()

    values = PerDevice(build)
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(values.__getitem__, 4 * BOTH))
    assert sorted(built) == sorted(BOTH)
    assert len(set(got)) == 2


@pytest.mark.parametrize("name", ["portraits32", "field64"])
def test_on_its_own_device_a_model_is_not_copied(name):
    model = load_model(name)
    assert model.batchers[model.device].score.score is model.score


@pytest.mark.parametrize("name", ["portraits32", "field64", "own"])
def test_a_copy_gives_the_same_scores_from_memory_of_its_own(name, request):
    model = load_model(request.getfixturevalue("own") if name == "own" else name)
    original, copy = score_on(model.score, "cpu"), score_on(model.score, "cpu:1")
    x, t = torch.rand(2, *model.image_shape), torch.tensor([0.3, 0.9], dtype=torch.float64)
    with torch.no_grad():
        assert torch.equal(copy(x, t), original(x, t))
    assert not addresses(copy) & addresses(original)


def addresses(score):
    """Where the tensors of a score are."""
    inside = score.state_dict() if isinstance(score, torch.nn.Module) else vars(score)
    return {v.data_ptr() for v in inside.values() if isinstance(v, torch.Tensor)}


def test_a_mere_function_is_its_own_copy():
    def score(x, t):
        return -x

    assert score_on(score, "cpu:1") is score


@pytest.mark.parametrize("kind", ["portraits32", "field64", "own"])
@pytest.mark.parametrize("changes", [{}, {"space": True}, {"tuned": True}], ids=str)
def test_a_request_has_the_same_pixels_on_every_device(workers, own, kind, changes):
    name = own if kind == "own" else kind
    request = Request(name, 2, num_images=1, seed=7, **changes)
    first = pixels(request)
    (other,) = started(1)  # takes the first device
    assert workers.by_device == {"cpu:0": 1, "cpu:1": 0}
    second = pixels(request)
    other.close()
    assert set(load_model(name).batchers._values) >= set(BOTH)
    assert torch.equal(first, second)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_and_the_cpu_share_the_runs_of_a_model(monkeypatch):
    """States start at 1348, where float32 rounds by 1e-4; FFTs of 64 px add some of these."""
    mixed = Workers(["cuda:0", "cpu"])
    monkeypatch.setattr(models, "workers", lambda: mixed)
    request = Request("field64", 66, num_images=1, seed=1)
    on_gpu, on_cpu = compare_request(request), compare_request(request)
    first = next(on_gpu), next(on_cpu)
    assert [pair.pds.x_mean.device.type for pair in first] == ["cuda", "cpu"]
    *_, gpu = on_gpu
    *_, cpu = on_cpu
    found, expected = (torch.stack([side.x_mean.cpu() for side in pair]) for pair in (gpu, cpu))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-2)


def test_tuning_for_one_device_serves_all(own, monkeypatch):
    calls = []
    tune = models.tuned.sampler
    monkeypatch.setattr(models.tuned, "sampler", lambda *a, **k: calls.append(a) or tune(*a, **k))
    model, request = load_model(own), Request(own, 5, tuned=True)
    assert model.method(request, device="cpu:0") is model.method(request, device="cpu:1")
    assert len(calls) == 1


def test_runs_are_spread_over_the_devices_in_their_order(workers):
    runs = started(3)
    assert workers.by_device == {"cpu:0": 2, "cpu:1": 1}
    for run in runs:
        run.close()


def test_thirty_runs_that_start_at_once_are_dealt_evenly(workers):
    """No run joins before all have their place."""
    placed = threading.Barrier(30)
    seen = []

    def samplers(device):
        seen.append(device)
        placed.wait(PATIENCE)
        return [load_model("field64").sampler(2)]

    request = Request("field64", 2, num_images=1)
    with ThreadPoolExecutor(30) as pool:
        for done in [pool.submit(list, run_chains(request, samplers)) for _ in range(30)]:
            done.result(PATIENCE)
    assert [seen.count(device) for device in BOTH] == [15, 15]


def test_a_run_that_was_not_started_has_no_place(workers):
    waiting = compare_request(LONG)
    (run,) = started(1)
    assert workers.by_device == {"cpu:0": 1, "cpu:1": 0}
    waiting.close()
    run.close()


@pytest.mark.parametrize("end", ["finish", "cancel", "fail"])
def test_a_run_that_ends_frees_its_place(workers, end):
    if end == "finish":
        pixels(Request("field64", 2, num_images=1))
    elif end == "cancel":
        started(1)[0].close()
    else:
        with pytest.raises(ValueError, match="not today"):
            next(run_chains(LONG, refuse))
    with workers.place() as worker:
        assert worker.device == "cpu:0"


def refuse(device):
    raise ValueError("not today")


def test_a_run_that_is_canceled_is_computed_nowhere(workers):
    runs = started(2)
    runs[1].close()
    eventually(lambda: workers.by_device == {"cpu:0": 1, "cpu:1": 0})
    assert next(runs[0]).pds.index == 1
    runs[0].close()


def test_what_a_copy_raises_leaves_the_runs_of_the_other_device(workers, monkeypatch):
    def broken(x, t):
        raise RuntimeError("this device has a fault")

    healthy, sick = started(2)
    monkeypatch.setattr(load_model("field64").batchers["cpu:1"], "score", broken)
    with pytest.raises(RuntimeError, match="has a fault"):
        list(sick)
    assert [pair.pds.index for pair, _ in zip(healthy, range(20), strict=False)][-1] == 20
    healthy.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
class TestAThreadThatEnds:
    @pytest.fixture
    def runs(self, workers, monkeypatch):
        """Three runs, the second of them on a device whose thread then ends."""
        runs = started(3)
        with workers.place() as second:
            assert second.device == "cpu:1"
        monkeypatch.setattr(second, "_step_all", self.fault)
        second._post(lambda reader: None, worker_module._Reader(None, None))  # wakes the thread
        eventually(lambda: workers.ended == ["cpu:1"])
        second._thread.join(PATIENCE)
        yield runs
        for run in runs:
            run.close()

    def fault(self):
        raise RuntimeError("an illegal memory access")

    def test_its_runs_get_the_error_and_others_continue(self, runs):
        with pytest.raises(RuntimeError, match="illegal memory access"):
            list(runs[1])
        assert next(runs[0]).pds.index == 1

    def test_no_run_is_placed_there_any_more(self, runs, workers):
        more = started(2)
        assert workers.by_device == {"cpu:0": 4, "cpu:1": 0}
        for run in more:
            run.close()

    def test_a_run_that_comes_after_all_threads_have_ended_is_refused(self, runs, workers):
        for worker in workers._workers:
            worker._failure = RuntimeError("an illegal memory access")
        with pytest.raises(RuntimeError, match="restart the program"):
            next(compare_request(LONG))
        workers._workers[0]._failure = None

    def test_a_run_that_was_placed_just_before_gets_the_error_too(self, runs, workers):
        ended = next(worker for worker in workers._workers if not worker.alive)
        batcher = load_model("field64").batchers["cpu:1"]
        with pytest.raises(RuntimeError, match="illegal memory access"):
            next(ended.stream(batcher, chains()))


def test_a_thread_works_on_its_own_device(monkeypatch):
    made = []
    monkeypatch.setattr(
        worker_module, "make_current", lambda d: made.append((d, threading.get_ident()))
    )
    workers = Workers(BOTH)
    monkeypatch.setattr(models, "workers", lambda: workers)
    for run in started(2):
        run.close()
    eventually(lambda: workers.num_runs == 0)
    threads = {worker.device: worker._thread.ident for worker in workers._workers}
    assert dict(made) == threads
    assert len(made) == len(set(threads.values())) == 2


@pytest.mark.parametrize(
    ("name", "expected"), [("cpu:1", []), ("cuda", []), ("cuda:1", ["cuda:1"])]
)
def test_only_a_cuda_device_with_an_index_is_made_current(monkeypatch, name, expected):
    made = []
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: made.append(str(device)))
    devices_module.make_current(name)
    assert made == expected


def test_a_dropped_model_takes_its_copies_with_it(workers, own):
    request = Request(own, 3, num_images=1, tuned=True)
    (other,) = started(1, request)
    pixels(request)
    other.close()
    model = load_model(own)
    scores = [model.batchers[device].score for device in BOTH]
    assert len({id(score) for score in scores}) == 2
    kept = [weakref.ref(thing) for thing in (model, *scores)]
    del model, scores, other
    models.visitor_models.drop("own")
    eventually(lambda: not any(ref() for ref in kept))


def test_a_copy_of_the_process_starts_without_the_places_of_the_other():
    workers = Workers(BOTH)
    with workers.place():
        workers._reset()  # as after a fork
        with workers.place() as worker:
            assert worker.device == "cpu:0"


def test_a_batch_fits_into_the_memory_of_its_own_device(monkeypatch):
    monkeypatch.setattr(models, "largest_batch", lambda score, shape, device: int(device[-1]) + 3)
    ones = torch.ones(1, 4, 4)
    model = Model(lambda x, t: -x, load_model("field64").sde, 2000, ones, ones, None)
    assert [model.batchers[device].max_images for device in BOTH] == [3, 4]
