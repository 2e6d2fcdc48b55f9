"""The page on two devices: /healthz, and results of programs."""

import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from gradio_client import Client

from pds.web.server import gradio_internals
from pds.web.tabs.compare import live_comparison
from tests.support.workers import BOTH, eventually, started
from tests.support.workers import workers as workers
from tools.server import Server


@pytest.mark.slow
def test_warming_up_takes_a_step_on_each_device(workers, monkeypatch):
    monkeypatch.setattr(live_comparison, "devices", lambda: BOTH)
    live_comparison.warm_up()
    assert [worker._thread is not None for worker in workers._workers] == [True, True]


def test_health_counts_the_runs_of_every_device(workers):
    runs = started(3)
    state = gradio_internals.server_state(None)
    assert state["devices"] == {"cpu:0": 2, "cpu:1": 1}
    assert state["computing"] == 3
    for run in runs:
        run.close()


@pytest.fixture(scope="module")
def server():
    server = Server(environment={"PDS_DEVICES": "cpu:0,cpu:1", "OMP_NUM_THREADS": "1"})
    server.start()
    yield server
    server.stop()


def health(server):
    with urllib.request.urlopen(f"{server.url}/healthz", timeout=20) as answer:
        return json.load(answer)


@pytest.mark.slow
def test_programs_get_the_pixels_of_one_device_from_a_server_with_two(server, address):
    values = {"model": "portraits32", "num_steps": 3, "num_images": 1, "seed": 5}

    def last(url):
        return list(Client(url, verbose=False).submit(**values, api_name="/compare"))[-1]

    with ThreadPoolExecutor(4) as pool:
        several = list(pool.map(last, 4 * [server.url]))
    alone = last(address)
    pictures = {side: {answer[side] for answer in several} for side in ("vanilla", "pds")}
    assert pictures == {side: {alone[side]} for side in pictures}


@pytest.mark.slow
def test_a_server_with_two_devices_computes_on_both(server):
    client = Client(server.url, verbose=False)
    values = {"model": "field64", "num_steps": 2000, "num_images": 1}
    jobs = [client.submit(**values, seed=seed, api_name="/compare") for seed in range(4)]
    eventually(lambda: health(server)["devices"] == {"cpu:0": 2, "cpu:1": 2})
    assert health(server)["computing"] == 4
    for job in jobs:
        job.cancel()
    eventually(lambda: health(server)["devices"] == {"cpu:0": 0, "cpu:1": 0})


@pytest.mark.slow
def test_a_server_with_a_device_that_is_not_there_says_so_and_ends(tmp_path):
    log = tmp_path / "log"
    server = Server(log, {"PDS_DEVICES": "cuda:77"})
    with pytest.raises(RuntimeError, match=r"app\.py ended"):
        server.start()
    assert "app.py: PDS_DEVICES must name devices of this machine" in log.read_text()
    assert "Traceback" not in log.read_text()
