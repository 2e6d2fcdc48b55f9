"""Hostile requests, each generated from a number."""

# ruff: noqa: E501

import base64
import io
import json
import random
import zlib
from dataclasses import dataclass, field
from functools import cache

from PIL import Image

from pds.web.tabs.compare import live_comparison
from tests.fuzz.arrays import hostile

SCRIPT = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
WORDS = ["", "field64", "portraits32", "PDS", "frequency", "space", "../../etc/passwd", SCRIPT,
         "NaN", "\0", "\ud800", "é" * 90, "a" * 5000, "%00", "{{7*7}}", "${7*7}", "1e999",
         "constructor", "__proto__", "__class__", "-1", "0x10", "true", "gone", "null"]  # fmt: skip
NUMBERS = [0, 1, 2, 3, 5, 25, 32, 64, 66, -1, -0.0, 0.375, 0.5, 1e9, 1e308, -1e308, 1e999, -1e999,
           float("nan"), 10**12, 2**31, 2**53 + 1, 2**63, 2**64, 10**400, 1.5, 1e-320]  # fmt: skip
NAMES = ["vanilla", "pds:5@40", "pds:5@4", "scalar", "tuned", "ode-heun@3", "preserving:2", "split",
         "pds", "pds:", "pds:nan", "pds:1e999", "pds:-5", "pds:5@0", "pds:5@-1", "pds:5@1e9", "@", "@@", ":", "/",
         "vanilla@" + "9" * 90, "vanilla@" + "9" * 5000, "pds:" + "9" * 5000, "pds:5" + "@4" * 2000, ":" * 5000,
         "vanilla/1/pds:5", "vanilla/" * 1000, "/etc/passwd", "../../etc/passwd@4", "file:///etc/passwd",
         "vanilla\n", "van\0illa", "\x1b[31mpds:5", "pds:\u0665", "vanilla@\u0664\u0660", "\uff50ds:5", "\u202epds:5",
         "pds:5; rm -rf /", "pds:__import__('os')", "$(id)@4", "{0.__class__}", "%s@4"]  # fmt: skip
PANES = {
    "filter_view": {
        "model": "field64",
        "alpha": 5,
        "channel": 0,
        "frequency": "",
        "space": "",
        "way": "tuned",
        "num_steps": 20,
    },
    "open_filter": {"content": "AAAA", "kind": "frequency"},
    "story_guess": {"step": "lag", "model": "field64", "guess": "fine"},
    "filter_file": {"model": "field64", "kind": "frequency", "frequency": "", "space": ""},
    "bring_images": {
        "size": 32,
        "files": [{"name": "a.png", "content": "AAAA"}],
        "texture": 0.2,
        "example": False,
        "enlarge": False,
    },
    "recorded_run": {},
    "recorded_ladder": {},
    "pace": {"model": "field64"},
    "request_texts": {},
    "open_settings": {
        "query": "?model=field64&num_steps=5&left=vanilla%404&right=pds%3A5&snr=.1&corrector_steps=2",
        "record": None,
    },
    "run_file": {},
    "sheet_file": {
        "kind": "csv",
        "samplers": ["vanilla", "pds:5"],
        "num_steps": [10],
        "model": "field64",
        "num_images": 1,
        "seed": 0,
        "columns": [],
    },
}
STORY = [
    {
        "step": "plane",
        "target": "ellipse",
        "length": 0.03,
        "kappa": 50,
        "power": 1,
        "swirl": 2,
        "sampler": "ULA",
        "start": [1.0, 0.5],
    },
    {
        "step": "plane",
        "target": "drawing",
        "drawing": [[0, 0.5], [1, 0]],
        "length": 0.03,
        "power": 1,
        "swirl": 0,
        "sampler": "MALA",
        "start": [1.0, 0.5],
    },
    {"step": "octaves", "sigma": 0.3},
    {"step": "lag", "radius": 0.5, "sampler": "PDS", "alpha": 5},
    {"step": "controls", "num_steps": 66, "alpha": 5},
    {"step": "map", "num_steps": 66, "alpha": 5},
    {"step": "clocks", "num_steps": 9, "iteration": 3},
    {"step": "belief", "sigma": 0.16, "strength": 1.5},
    {"step": "grain", "portraits": "portraits64"},
]
RUN = {"model": "field64", "num_steps": 2, "alpha": 5, "frequency": True, "space": False,
       "num_images": 1, "seed": 3, "tuned": False, "left": "vanilla", "right": "pds:4@3", "snr": None,
       "corrector_steps": 1, "run": "a"}  # fmt: skip
PANES["request_texts"] = RUN
ENDPOINTS = {
    "theory": {
        "num_steps": 20,
        "alpha": 5,
        "model": "field64",
        "tuned": True,
        "left": "vanilla",
        "right": "",
    },
    "sheet": {
        "num_steps": [10],
        "samplers": ["vanilla"],
        "model": "field64",
        "num_images": 1,
        "seed": 1,
    },
    "ladder": {"num_steps": [10], "model": "field64", "alpha": 5, "seed": 1},
    "filter_from_images": {"images": ["", ""], "size": 32, "alpha": 5},
    "compare": {k: v for k, v in RUN.items() if k != "run"},
}
API = "/gradio_api"
ROUTES = ["/", "/config", "/info", "/upload", "/upload?upload_id=1", "/upload_progress?upload_id=1",
          "/file=/etc/passwd", "/file=../../etc/passwd", "/file/etc/passwd", "/file=app.py",
          "/file=http://127.0.0.1:1/", "/proxy=http://127.0.0.1:1/", "/proxy=https://a.hf.space/",
          "/queue/data", "/queue/join", "/queue/status", "/component_server", "/cancel", "/reset",
          "/heartbeat/x", "/heartbeat/" + "a" * 900, "/run/compare", "/api/compare",
          "/call/compare",          "/call/_sample", "/call/v2/compare", "/call/compare/nothing", "/stream/x",
          "/stream/x/close",          "/stream/a/b/1/playlist.m3u8", "/process_recording", "/vibe-edit", "/vibe-code", "/runs",
          "/run-history/buckets", "/deep_link", "/startup-events", "/app_id", "/token", "/user",
          "/openapi.json", "/theme.css", "/custom_component/a/client/b/c", "/monitoring",
          "/monitoring/summary", "/monitoring/x", "/login", "/logout", "/dev/reload", "/healthz",
          "/static/../../../etc/passwd", "/assets/%2e%2e/%2e%2e/routes.py", "/svelte/..%2f..%2fx",
          "/static/%00", "/pwa_icon/x", "/manifest.json", "/robots.txt", "/favicon.ico", "/login_check",
          "/mcp", "/docs", "/redoc", "/?page=x", "/?deep_link=../x", "/?__theme=<b>", "/config?page=x",
          "//etc/passwd", "/%2e%2e/etc/passwd", "/\\..\\x", "/.git/config", "/app.py"]  # fmt: skip
TYPES = ["application/json", "text/plain", "multipart/form-data; boundary=x", "", "application/xml",
         "application/x-www-form-urlencoded", "application/json; charset=utf-16", "x" * 300]  # fmt: skip
BODIES = [b"", b"{", b"null", b"[]", b"0", b'""', b"NaN", b'{"data":NaN}', b"\xff\xfe\x00", b"{}" * 50,
          b"[" * 5000, b'{"a":' * 900 + b"1" + b"}" * 900, b'{"data":' + b"9" * 5000 + b"}",
          b'{"data":[' + b"[]," * 30000 + b"1]}", b'{"data":"' + b"A" * 200_000 + b'"}',
          b'{"session_hash":"x","data":[],"fn_index":0}', b"\0" * 1000,
          b'--x\r\nContent-Disposition: form-data; name="files"; filename="../../x.html"\r\n\r\n<b>\r\n--x--\r\n',
          b'--x\r\nContent-Disposition: form-data; name="component_id"\r\n\r\n1\r\n--x--\r\n']  # fmt: skip


@dataclass
class Case:
    """One request; `reads` says that the messages of its run are read after it."""

    method: str
    path: str
    body: bytes = b""
    headers: dict = field(default_factory=lambda: {"Content-Type": "application/json"})
    reads: bool = False

    def __str__(self):
        return f"{self.method} {self.path[:200]} {self.headers} {self.body[:400]!r}"


@dataclass
class Site:
    """Numbers of the page's functions and components, and the name that nobody may see."""

    servers: dict  # name -> component
    events: dict  # name -> function
    inputs: dict  # function -> number of its values
    canary: str


def anything(rng, site, depth=0):
    """Any value that JSON can carry."""
    kind = rng.random()
    if kind < 0.35:
        return rng.choice(NUMBERS)
    if kind < 0.65:
        return rng.choice([*WORDS, site.canary])
    if kind < 0.75 or depth > 2:
        return rng.choice([None, True, False])
    inner = [anything(rng, site, depth + 1) for _ in range(rng.randint(0, 3))]
    return inner if kind < 0.87 else {str(v)[:9]: v for v in inner}


def mutated(rng, site, good):
    """A good set of values with some of them changed, missing or added."""
    values = dict(good)
    for _ in range(rng.randint(0, 3)):
        name = rng.choice([*good, "extra", "visit", "run"])
        if rng.random() < 0.2:
            values.pop(name, None)
        elif name in ("left", "right", "query") and rng.random() < 0.8:
            values[name] = rng.choice(NAMES) if name != "query" else f"?left={rng.choice(NAMES)}"
        else:
            values[name] = anything(rng, site)
    return values if rng.random() < 0.95 else anything(rng, site)


def text(value):
    """JSON as Python writes it, NaN and lone surrogates included."""
    return json.dumps(value).encode()


def pane(rng, site):
    """A call of a server function of a tab."""
    name = rng.choice([*PANES, *["story_view"] * 4, *["open_filter"] * 4])
    good = rng.choice(STORY) | {"model": "field64"} if name == "story_view" else PANES[name]
    values = mutated(rng, site, good)
    if name == "open_filter" and rng.random() < 0.8:
        kind = rng.choice(["frequency", "space"])
        values = {"kind": kind, "content": base64.b64encode(hostile(rng)).decode()}
    if name == "bring_images" and rng.random() < 0.3:
        files = [
            {"name": f"{i}.png", "content": damaged(rng, rng.choice(pictures()))} for i in range(7)
        ]
        values = values if not isinstance(values, dict) else values | {"files": files}
    body = {"data": values, "fn_name": name, "session_hash": f"fuzz{rng.randrange(50)}",
            "component_id": site.servers[name]}  # fmt: skip
    return Case("POST", API + "/component_server", text(envelope(rng, site, body)))


def event(rng, site):
    """An event of the page, or a call of the endpoint for programs, and its messages."""
    name = rng.choice(["_sample", "_sample", "_draw_ladder", "compare", "any"])
    visit = f"run{rng.randrange(10**9)}"
    values = mutated(rng, site, RUN)
    data = list(values.values())[:12] if isinstance(values, dict) else values
    if name == "compare" and rng.random() < 0.7:
        return Case("POST", API + "/call/compare", text(envelope(rng, site, {"data": data})),
                    reads=True)  # fmt: skip
    number = site.events.get(name, rng.randrange(12))
    known = site.inputs.get(number, 0)
    body = {"fn_index": number, "session_hash": visit, "event_data": values, "trigger_id": 1,
            "data": data if known else []}  # fmt: skip
    return Case("POST", API + "/queue/join", text(envelope(rng, site, body)), reads=True)


def envelope(rng, site, body):
    """The outer values of a request, now and then changed too."""
    if rng.random() < 0.15:
        name = rng.choice([*body, "batched", "event_id", "simple_format", "oauth_token"])
        body = body | {name: anything(rng, site)}
    return body


def raw(rng, site):
    """Any route with any method, type and body."""
    path = rng.choice(ROUTES)
    if rng.random() < 0.5 and not path.startswith(("/static", "/assets", "//")):
        path = API + path
    if rng.random() < 0.1:
        path += rng.choice(["/", "/..", "?x=" + "y" * 3000, "%0d%0aX: y", "?session_hash=%ff", ";x",
                            "?session_hash=" + site.canary])  # fmt: skip
    method = rng.choice(["GET", "GET", "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
    body = rng.choice(BODIES) if method in ("POST", "PUT", "PATCH") else b""
    headers = {"Content-Type": rng.choice(TYPES)}
    if rng.random() < 0.1:
        headers |= rng.choice([{"X-Forwarded-Host": "evil.example"}, {"Origin": "https://evil.example"},
                               {"Range": "bytes=0-9999999999"}, {"Cookie": "a=" + "b" * 3000},
                               {"Accept-Encoding": "br, gzip"}, {"Content-Encoding": "gzip"}])  # fmt: skip
    return Case(method, path, body, headers)


@cache
def finished_run():
    """The message that ends a small run, which the page sends back for its files."""
    *_, last = live_comparison.messages(live_comparison.parse(RUN))
    return {name: last[name] for name in ("request", "steps", "png")}


@cache
def pictures():
    """Picture files of several kinds, and some that only claim to be."""
    files = [b"", b"GIF89a", b"<svg/>", b"%!PS", b"BM" + b"\0" * 60, b"II*\0" + b"\0" * 60]
    for mode, kind in (("RGB", "PNG"), ("L", "PNG"), ("P", "PNG"), ("I;16", "PNG"), ("RGBA", "WEBP"),
                       ("CMYK", "JPEG"), ("RGB", "JPEG"), ("1", "PNG")):  # fmt: skip
        buffer = io.BytesIO()
        Image.new(mode, (40, 30)).save(buffer, kind)
        files.append(buffer.getvalue())
    huge = bytearray(files[6])
    huge[16:24] = (30_000).to_bytes(4, "big") * 2
    huge[29:33] = zlib.crc32(huge[12:29]).to_bytes(4, "big")
    return [*files, bytes(huge)]


def damaged(rng, content):
    """A file with some of its bytes changed."""
    content = bytearray(content)
    for _ in range(rng.randint(0, 4)):
        if content:
            content[rng.randrange(len(content))] = rng.randrange(256)
    return base64.b64encode(bytes(content[: rng.choice([None, None, 60])])).decode()


def file_of_a_run(rng, site):
    """A run that the page, or something like it, sends back for one of its files."""
    kind = rng.choice(["sheet", "animation", "steps", "curves"])
    values = mutated(rng, site, finished_run() | {"kind": kind})
    if isinstance(values, dict) and rng.random() < 0.4:
        values |= {"png": damaged(rng, base64.b64decode(finished_run()["png"]))}
    if isinstance(values, dict) and rng.random() < 0.4:
        values |= {"request": mutated(rng, site, RUN)}
    if isinstance(values, dict) and rng.random() < 0.4:
        values |= {"steps": [mutated(rng, site, step) for step in finished_run()["steps"]]}
    body = {"data": values, "fn_name": "run_file", "session_hash": "files",
            "component_id": site.servers["run_file"]}  # fmt: skip
    return Case("POST", API + "/component_server", text(body))


def endpoint(rng, site):
    """A call of an endpoint for programs, in the order of its values or by their names."""
    name = rng.choice([*ENDPOINTS])
    values = mutated(rng, site, ENDPOINTS[name])
    if name == "filter_from_images" and isinstance(values, dict) and rng.random() < 0.8:
        values |= {
            "images": [damaged(rng, rng.choice(pictures())) for _ in range(rng.randint(1, 4))]
        }
    if not isinstance(values, dict) or rng.random() < 0.5:
        data = list(values.values()) if isinstance(values, dict) else values
        return Case("POST", f"{API}/call/{name}", text({"data": data}), reads=True)
    return Case("POST", f"{API}/call/v2/{name}", text(values), reads=True)


def upload(rng, site):
    """A file, sent as a browser's form would, to routes that might keep it."""
    name = rng.choice(["a.png", "../../x.py", "/tmp/x", "x.html", "\0", "a" * 900, "..\\x.exe"])
    content = rng.choice([hostile(rng), b"\0" * 300_000, SCRIPT.encode()])
    fields = {"component_id": "16", "session_hash": "form", "fn_name": "story_view"}
    parts = [
        f'Content-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode()
        for k, v in fields.items()
    ]
    parts.append(
        f'Content-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
        + content
        + b"\r\n"
    )
    body = b"".join(b"--x\r\n" + part for part in parts) + b"--x--\r\n"
    path = API + rng.choice(
        ["/upload", "/upload/", "/upload?upload_id=a", "/component_server", "/process_recording"]
    )
    return Case("POST", path, body, {"Content-Type": "multipart/form-data; boundary=x"})


def case(number, site, seed=0):
    """Return the case of that number."""
    rng = random.Random(f"{seed} {number}")
    return rng.choices([pane, event, raw, upload, file_of_a_run, endpoint], [5, 2, 4, 0.5, 1, 2])[
        0
    ](rng, site)
