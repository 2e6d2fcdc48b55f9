"""The largest uploads that are accepted, all at once: python -m tests.load.largest."""

import base64
import io
import json
import sys
import threading
import time
import urllib.error
import urllib.request

import numpy as np

from pds import limits
from pds.files.pictures import encode_png
from tests.load import harness
from tests.load.visitors import together


def call(own, components, name, data, visit):
    """Status, answer and seconds of a call of a server function."""
    body = {"data": data, "fn_name": name, "session_hash": visit, "component_id": components[name]}
    request = urllib.request.Request(
        f"{own.url}/gradio_api/component_server",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    start = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.status, json.load(answer), time.monotonic() - start
    except urllib.error.HTTPError as error:
        return error.code, json.load(error), time.monotonic() - start


def pictures():
    shape = (limits.MAX_OWN, max(limits.OWN_SIZES), max(limits.OWN_SIZES), 3)
    images = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    files = [
        {"name": "a.png", "content": base64.b64encode(encode_png(i, "")).decode()} for i in images
    ]
    return {"size": shape[1], "files": files, "texture": 0.2}


def mask():
    buffer = io.BytesIO()
    np.save(buffer, np.ones((3, 1024, 1024), np.float32))
    return {"kind": "space", "content": base64.b64encode(buffer.getvalue()).decode()}


def main() -> int:
    with harness.loaded() as own:
        with urllib.request.urlopen(f"{own.url}/config", timeout=20) as answer:
            config = json.load(answer)["components"]
        components = {f: c["id"] for c in config for f in c["props"].get("server_fns", [])}
        before, waits, done = own.state()["memory"], [], threading.Event()

        def watch():
            peak = 0
            while not done.is_set():
                start = time.monotonic()
                peak = max(peak, own.state()["memory"])
                waits.append(time.monotonic() - start)
                time.sleep(0.05)
            return peak

        def bring(name, data, visit):
            return call(own, components, name, data, visit)

        one, largest = pictures(), mask()
        work = [(bring, "bring_images", one, f"p{i}") for i in range(10)]
        work += [(bring, "open_filter", largest, f"m{i}") for i in range(20)]

        def all_then_done():
            try:
                return together(work)
            finally:
                done.set()

        peak, answers = together([(watch,), (all_then_done,)])
        statuses = [status for status, *_ in answers]
        slowest = max(seconds for *_, seconds in answers)
        counts = {status: statuses.count(status) for status in sorted(set(statuses))}
        print(f"10 models of 500 pictures and 20 masks of 3 x 1024 x 1024 at once: {counts}")
        print(
            f"slowest answer {slowest:.1f} s; memory {before / 1e6:.0f}, peak {peak / 1e6:.0f} MB"
        )
        print(f"/healthz meanwhile: median {np.median(waits):.3f}, longest {max(waits):.2f} s")
        names = [a["opened"] for s, a, _ in answers if s == 200 and "opened" in a]
        values = {"model": "field64", "alpha": 5, "channel": 0, "frequency": "", "space": names[-1]}
        owner = next(f"m{i - 10}" for i, (s, a, _) in enumerate(answers)
                     if s == 200 and a.get("opened") == names[-1])  # fmt: skip
        print(
            f"drawing such a mask: {call(own, components, 'filter_view', values, owner)[2]:.2f} s"
        )
        left = harness.settled(own)
        time.sleep(2)
        print(f"after they left: {left / 1e6:.0f} MB, {own.state()['visits']} visits remembered")
        print(f"tracebacks: {len(own.tracebacks())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
