"""A server with many visitors, and the checks of its state afterwards."""

import base64
import io
import json
import tempfile
import time
import urllib.error
import urllib.request
from collections import deque
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image

from pds.files.pictures import to_uint8
from pds.limits import LEFT_SECONDS, MAX_RUNS, MAX_WAITING, TRIM_SECONDS, UNREAD_SECONDS
from pds.models import compare_request
from pds.request import Request
from tests.load.visitors import LONG, Vanishing, stop, together, watch
from tools.server import Server

GRAY_LEVELS = 1
"""Pixels of a run may differ by this from those of the same run alone. The score of a field is
exact, so that only sums in another order differ, by about 3e-6 of the range of the states; from 30
iterations on that range is about 1, and 8 bits may round to either side of a difference. At 12
iterations vanilla ends in the thousands, and the same rounding is 2 gray levels."""
QUIET = 60.0
"""Seconds in which the runs of those who left must have ended."""


class Loaded:
    """The server, its log, and what it held at some moment."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.log = folder, folder.with_suffix(".log")
        temporary = {"TMPDIR": str(folder), "GRADIO_TEMP_DIR": str(folder / "gradio")}
        self.server = Server(self.log, temporary | {"OMP_NUM_THREADS": "1"} | environment)
        self.server.start()
        self.url = self.server.url

    def state(self):
        """What /healthz says."""
        with urllib.request.urlopen(f"{self.url}/healthz", timeout=20) as answer:
            return json.load(answer)

    def disk(self):
        """Bytes in the only folder that the server may write to."""
        return sum(p.stat().st_size for p in self.folder.rglob("*") if p.is_file())

    def quiet(self, seconds=QUIET):
        """How long it took until no run was under way, or None if that did not come."""
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            state = self.state()
            if state["runs"] == state["computing"] == state["waiting"] == 0:
                return time.monotonic() - start
            time.sleep(0.02)
        return None

    def lines(self):
        """The journal, and whatever else was written."""
        return self.log.read_text().splitlines()

    def tracebacks(self):
        return [line for line in self.lines() if "Traceback" in line]


@contextmanager
def loaded(environment=None):
    """Run a server of our own, with these variables of the environment on top."""
    with tempfile.TemporaryDirectory(prefix="load-") as parent:
        folder = Path(parent) / "server"
        folder.mkdir()
        own = Loaded(folder, environment or {})
        try:
            yield own
        finally:
            own.server.stop()


def requests(visitor, *, count=3, num_steps=30):
    """The comparisons of a visitor, all different."""
    return [
        {"model": "field64", "num_steps": num_steps + visitor % 4, "num_images": 1 + visitor % 2,
         "alpha": 2.0 + visitor % 5, "seed": 100 * visitor + i}
        for i in range(count)
    ]  # fmt: skip


def crowd(own, visitors):
    """Visitors of whom a fifth vanish in mid-run and a fifth press Stop.

    Returns:
        The runs of those who stay, and those of the ones who pressed Stop.
    """
    fifth = visitors // 5
    vanishing = Vanishing(own.url, fifth)
    stay = [(watch, own.url, requests(i)) for i in range(visitors - 2 * fifth)]
    stopping = [(stop, own.url, [LONG | {"seed": i} for i in range(3)]) for _ in range(fifth)]
    gone = [(_vanish_amid, vanishing)]
    *runs, _ = together(stay + stopping + gone)
    return list(chain(*runs[: len(stay)])), list(chain(*runs[len(stay) :]))


def _vanish_amid(vanishing):
    vanishing.wait()
    vanishing.vanish()


def alone(request):
    """Pixels of both chains of a run by itself, side by side as the endpoint sends them."""
    (last,) = deque(compare_request(Request(**request)), maxlen=1)
    return [np.concatenate(list(to_uint8(step.x_mean.numpy())), axis=1) for step in last]


def difference(run):
    """The largest difference of a run's last pictures to those of the same run alone."""
    last = run.steps[-1]
    got = [pixels(last[side]) for side in ("vanilla", "pds")]
    return max(
        int(np.abs(a.astype(int) - b.astype(int)).max())
        for a, b in zip(got, alone(run.request), strict=True)
    )


def pixels(url):
    """Pixels of a PNG data URL."""
    image = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    array = np.asarray(image)
    return array if array.ndim == 3 else array[..., None]


def vanish(own, count):
    """Seconds from the moment at which so many vanish in mid-run until none is computed."""
    vanishing = Vanishing(own.url, count)
    vanishing.wait()
    assert own.state()["runs"] == count, own.state()
    vanishing.vanish()
    return own.quiet()


def many(own, count, *, clients=10):
    """So many small comparisons, one after the other for each of a few clients."""
    each = count // clients
    work = [(watch, own.url, [_small(each * i + j) for j in range(each)]) for i in range(clients)]
    return list(chain(*together(work)))


def _small(seed):
    return {"model": "field64", "num_steps": 3, "num_images": 1, "seed": seed}


def settled(own):
    """Memory once those who left are forgotten."""
    time.sleep(max(LEFT_SECONDS, TRIM_SECONDS) + 5)
    return own.state()["memory"]


def overfill(own):
    """Ask for more runs than there are places, reading none.

    Returns:
        How many were taken, the sentences of the others, and the seconds until all had ended.
    """
    taken, sentences = 0, []
    for seed in range(MAX_RUNS + MAX_WAITING + 8):
        try:
            _join(own, [2000, 5, True, False, 1, seed])
            taken += 1
        except urllib.error.HTTPError as error:
            assert error.code == 503, error
            sentences.append(json.load(error)["detail"])
    ended = own.quiet(3 * UNREAD_SECONDS + 20)
    return taken, sentences, ended


def _join(own, values):
    body = json.dumps({"data": ["field64", *values]}).encode()
    request = urllib.request.Request(
        f"{own.url}/gradio_api/call/compare", body, {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=20).close()


def percentile(values, q):
    return float(np.percentile(values, q))
