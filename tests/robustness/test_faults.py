"""Messages when the server dies, and the cleanup when visitors leave."""

import base64
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager

import numpy as np
import pytest
from gradio_client import Client
from playwright.sync_api import expect

from pds.files.pictures import encode_png
from pds.limits import MAX_SENTENCE
from tests.support.pages import long_run, open_tab, sample
from tests.support.workers import eventually
from tools.browser import ROOT, open_page
from tools.server import Server


@pytest.fixture(scope="module")
def own():
    """A server that nobody else uses, and that a test may kill and start again."""
    server = Server(environment={"OMP_NUM_THREADS": "1"})
    server.start()
    yield server
    server.stop()


@pytest.fixture
def visit(context_of, own):
    """The page of that server."""
    page = context_of().new_page()
    page.on("dialog", lambda dialog: dialog.dismiss())
    open_page(page, own.url)
    yield page
    page.close()


def functions(url):
    """Component of each server function."""
    with urllib.request.urlopen(f"{url}/config", timeout=20) as answer:
        components = json.load(answer)["components"]
    return {f: c["id"] for c in components for f in c["props"].get("server_fns", [])}


def call(url, name, data, visit="test"):
    """Call a function of a tab as the page does; the answer, or what was wrong."""
    body = {"data": data, "fn_name": name, "session_hash": visit,
            "component_id": functions(url)[name]}  # fmt: skip
    request = urllib.request.Request(
        f"{url}/gradio_api/component_server",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def bring(url, visit):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3)).astype(np.uint8)
    files = [
        {"name": "a.png", "content": base64.b64encode(encode_png(p, "")).decode()} for p in pixels
    ]
    values = {"size": 32, "files": files, "texture": 0.2}
    return call(url, "bring_images", values, visit)["model"]


def state(url):
    with urllib.request.urlopen(f"{url}/healthz", timeout=10) as answer:
        return json.load(answer)


def kept(url, name, visit):
    values = {"model": name, "kind": "frequency"}
    return "content" in call(url, "filter_file", values, visit)


@pytest.mark.slow
def test_a_killed_server_is_reported_and_the_page_samples_again_after_its_restart(visit, own):
    page = visit
    page.fill("[name=seed]", "77")
    long_run(page)
    own.kill()
    expect(page.locator(".pds-error").first).to_contain_text("does not answer")
    assert page.input_value("[name=seed]") == "77"
    # gradio loads the page anew when the server is there again
    with page.expect_event("load", timeout=300_000):  # a server may take as long to start
        own.start()
    page.wait_for_selector(".pds-scrub:enabled")
    sample(page, num_steps=3)
    expect(page.locator(".pds-where")).to_have_text("iteration 3 of 3")
    expect(page.locator(".pds-error").first).to_be_hidden()


@pytest.mark.slow
def test_models_of_a_visitor_are_dropped_when_the_tab_is_closed(visit, own):
    page = visit
    open_tab(page, "images")
    with page.expect_request(lambda r: "bring_images" in (r.post_data or "")) as upload:
        page.click(".pds-example")
    body = json.loads(upload.value.post_data)
    page.wait_for_selector(".pds-brought:visible")
    answer = upload.value.response().json()
    name, hash_ = answer["model"], body["session_hash"]
    assert kept(own.url, name, hash_)
    page.close()
    eventually(lambda: not kept(own.url, name, hash_))


def test_another_visitor_cannot_use_a_model_by_its_name(local_address):
    name = bring(local_address, "owner")
    assert kept(local_address, name, "owner")
    assert not kept(local_address, name, "other")
    with pytest.raises(Exception, match="model must be one of"):
        Client(local_address, verbose=False).predict(model=name, num_steps=2, api_name="/compare")


@contextmanager
def submitted(address):
    """A long run under way, which is canceled at the end, and has then ended."""
    client = Client(address, verbose=False)
    job = client.submit(model="field64", num_steps=2000, num_images=8, api_name="/compare")
    try:
        next(iter(job))
        yield job
    finally:
        job.cancel()
        eventually(lambda: state(address)["runs"] == 0 == state(address)["computing"])


def test_a_vanished_program_s_run_ends_and_its_things_go(local_address):
    with submitted(local_address):
        assert state(local_address)["runs"] == 1
        process = subprocess.Popen(
            [sys.executable, "-c", f"""
import itertools
from gradio_client import Client
job = Client({local_address!r}, verbose=False).submit(
    model="field64", num_steps=2000, num_images=8, api_name="/compare")
print(len(list(itertools.islice(job, 2))), flush=True)
import time; time.sleep(60)
"""], stdout=subprocess.PIPE, cwd=ROOT)  # fmt: skip
        assert process.stdout.readline().strip() == b"2"
        assert state(local_address)["runs"] == 2
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        eventually(lambda: state(local_address)["runs"] == 1)


def test_an_error_sentence_stays_short_whatever_was_sent(local_address):
    answer = call(local_address, "story_view", {"step": "x" * 60_000, "model": "field64"})
    assert len(answer["error"]) < MAX_SENTENCE


@pytest.mark.parametrize("path", ["/gradio_api/upload", "/gradio_api/component_server"])
def test_nothing_can_be_uploaded(local_address, path):
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\nx\r\n--x--'
    request = urllib.request.Request(
        local_address + path, body, {"Content-Type": "multipart/form-data; boundary=x"}
    )
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request, timeout=10)
    assert error.value.code in (404, 415)


def test_healthz_is_answered_while_a_run_is_under_way(local_address):
    with submitted(local_address) as job:
        answer = state(local_address)
        assert answer["status"] == "ok"
        assert answer["runs"] >= 1
        assert not job.done()  # answered before the end of the run


@pytest.mark.slow
def test_a_run_shows_how_many_run_beside_it(page, address):
    client = Client(address, verbose=False)
    job = client.submit(model="field64", num_steps=2000, num_images=8, api_name="/compare")
    next(iter(job))
    sample(page, num_steps=2000)
    expect(page.locator("#stage .pds-verdict")).to_contain_text("beside 1 other run…")
    page.click(".pds-stop")
    job.cancel()
