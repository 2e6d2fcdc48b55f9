"""The page in a browser: open it as a visitor, sample, read its pictures, numbers and address."""

import base64
import io
import json
import re
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image
from playwright.sync_api import TimeoutError, expect

from pds.files import pictures
from pds.jobs import request_text
from pds.request import Request
from pds.web.tabs.compare import live_comparison
from tools.browser import open_page

PATIENCE = 60_000
"""Milliseconds that a wait for the page may take; a machine may be busy with something else."""
SIDES = ("vanilla", "ours")
RIGHT = "Sampler on the right"
TABS = ("filter", "story", "ladder", "images")
"""The tabs beside the comparison."""
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}

CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
"""Measures whether texts stand out from what is behind them."""
PICTURE = """panel => {
  const shown = document.querySelector('.pds-panel.' + panel + ' canvas');
  const step = Number(shown.dataset.step ?? 1); // pixels of the canvas for each of the pictures'
  const own = document.createElement('canvas');
  Object.assign(own, { width: shown.width / step, height: shown.height / step });
  const context = own.getContext('2d');
  context.imageSmoothingEnabled = false;
  context.drawImage(shown, 0, 0, own.width, own.height);
  return own.toDataURL();
}"""
DROP = """([texts, files, folders, selector]) => {
  const dataTransfer = new DataTransfer();
  for (const [type, text] of Object.entries(texts)) dataTransfer.setData(type, text);
  const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  for (const [name, base64, type] of files)
    dataTransfer.items.add(new File([bytes(base64)], name, { type }));
  const item = DataTransferItem.prototype, entry = item.webkitGetAsEntry;
  if (folders) item.webkitGetAsEntry = () => ({ isDirectory: true });
  const events = ["dragover", "drop"].map(
    (kind) => new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));
  for (const event of events) document.querySelector(selector).dispatchEvent(event);
  item.webkitGetAsEntry = entry;
  return events.every((event) => event.defaultPrevented);
}"""
RESET = """(request) => {
  const root = document.querySelector("#stage .pds");
  scrollTo(0, 0);
  for (const menu of root.querySelectorAll("details[open]")) menu.open = false;
  const blind = root.querySelector(".pds-blind-switch input");
  if (blind.checked) blind.click();
  root.dispatchEvent(new CustomEvent("settle", { detail: request }));
  root.querySelector(".pds-verdict").textContent = "";
  for (const alert of root.querySelectorAll(".pds-error")) {
    alert.textContent = "";
    alert.hidden = true;
  }
}"""
STILL = """() => new Promise((resolve) => {
  let before = "", frames = 0;
  const look = () => {
    const boxes = [...document.querySelectorAll(".pds, .pds *, .pds-pane *")].map((n) => {
      const { x, y, width, height } = n.getBoundingClientRect();
      return [x, y, width, height];
    }).join();
    frames = boxes === before ? frames + 1 : 0;
    before = boxes;
    if (frames < 4) requestAnimationFrame(look);
    else resolve();
  };
  look();
})"""


@contextmanager
def visitor(context, address, script=""):
    """A blank page of a visitor without a past; errors on it fail the test at the end.

    A page that an earlier visitor has left is taken again, since a new one costs as much as
    half a visit.

    Args:
        context: of the browser; it keeps its cache, and loses its storage and permissions.
        address: of the server.
        script: JavaScript that runs before that of the demo; its page is closed at the end.

    Yields:
        The page; `page.sent()` lists the URLs of its requests since `page.forget_sent()`.
    """
    left = [page for page in context.pages if getattr(page, "left", False) and not script]
    page = left[0] if left else context.new_page()
    page.left = False
    if script:
        page.add_init_script(script)
    page.bring_to_front()  # only one page of a browser has the keyboard
    size = page.viewport_size
    sent, errors = [], []
    listeners = {
        "request": lambda request: sent.append(request.url),
        "pageerror": lambda error: errors.append(error),
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    page.sent = lambda: [u for u in sent if urlsplit(u).scheme in ("http", "https", "ws", "wss")]
    page.forget_sent = sent.clear
    forget(page, address)
    yield page
    for event, listener in listeners.items():
        page.remove_listener(event, listener)
    if script:
        page.close()
    else:
        leave(page, size)
    context.clear_permissions()
    assert not errors


def leave(page, size):
    """Leave a page blank, in a window of this size, for the next visitor of its context."""
    page.unroute_all()
    page.emulate_media(media="null", reduced_motion="null")
    page.set_viewport_size(size)
    page.mouse.move(0, 0)
    page.goto("about:blank")
    page.left = True


@contextmanager
def opened(context, address, script=""):
    """Open the demo as a visitor without a past, see `visitor`."""
    with visitor(context, address, script) as page:
        open_page(page, address)
        yield page


def follow_link(page, public, slash=""):
    """Open a link to a run of the demo at its public address, and a tab with a figure.

    Nothing that the page asks for may be missing, and its address stays public.
    """
    missing = []
    page.on("response", lambda answer: answer.status >= 400 and missing.append(answer.url))
    page.on("pageerror", lambda error: missing.append(str(error)))
    page.goto(f"{public}{slash}?model=field64&num_steps=5&num_images=1&seed=3")
    page.wait_for_function("document.querySelector('.pds-verdict')?.textContent.length > 40")
    assert not page.locator(".pds-error").is_visible()
    page.click("#filter-tab-button")
    page.wait_for_selector("#filter .js-plotly-plot .main-svg")
    page.wait_for_function("location.search.includes('tab=filter')")
    assert page.url.startswith(public + "/?")
    assert not missing


def forget(page, address):
    """Clear what earlier pages of this server have stored in the browser."""
    page.context.new_cdp_session(page).send(
        "Storage.clearDataForOrigin",
        {"origin": address, "storageTypes": "local_storage,indexeddb"},
    )


def reset(page):
    """Give the comparison on a shared page the settings of the first paint and no message.

    The pictures of its last run stay.
    """
    page.bring_to_front()  # only one page of a browser has the keyboard
    page.set_viewport_size(DESKTOP)
    page.click("#compare-tab-button")
    page.locator(".pds-stop").evaluate("button => button.click()")  # nothing if no run is under way
    finish(page)
    request = Request(**json.loads(live_comparison.first_paint("end"))["request"])
    page.evaluate(RESET, vars(request))
    page.forget_sent()


def resize(page, width, height):
    """Resize the window and wait until everything has its place."""
    page.set_viewport_size({"width": width, "height": height})
    still(page)


def still(page):
    """Wait until nothing has moved for four frames."""
    page.evaluate(STILL)


def sample(page, model="field64", **settings):
    """Choose a model, fill in settings by name, and press Sample."""
    page.select_option("[name=model]", model)
    for name, value in settings.items():
        page.fill(f"[name={name}]", str(value))
    page.click(".pds-sample")


def finish(page):
    """Wait until the run has ended."""
    page.wait_for_selector(".pds[data-state=idle]")


def long_run(page):
    """Start a run of 20 seconds or more, and wait for its first frame."""
    sample(page, num_steps=2000, num_images=8)
    page.wait_for_function("document.querySelector('.pds-where').textContent.includes('of 2000')")


def picture(page, side):
    """The picture of a side as a data URL, one pixel for each of the images'."""
    return page.evaluate(PICTURE, side)


def pixels(data_url):
    """Pixels of a data URL, (H, W, 3)."""
    png = base64.b64decode(data_url.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def number(page, side, name):
    """A number under a picture, by its name."""
    return page.inner_text(f".pds-panel.{side} div:has(> dt:text-is('{name}')) dd")


def request_shown(page):
    """The request that the controls describe."""
    value = {name: float(page.input_value(f"[name={name}]")) for name in ("num_steps", "alpha")}
    count, seed = (float(page.input_value(f"#stage [name={n}]")) for n in ("num_images", "seed"))
    switches = {n: page.is_checked(f"[name={n}]") for n in ("frequency", "space")}
    model = page.input_value("#stage [name=model]")
    tuned = page.get_by_label(RIGHT).input_value() == "tuned"
    return Request(model, **value, **switches, num_images=count, seed=seed, tuned=tuned)


def num_runs(page):
    """How many runs the page has requested."""
    return sum("queue/join" in url for url in page.sent())


def query(page):
    """The query of the address, lists of values by name."""
    return parse_qs(urlsplit(page.url).query)


def open_tab(page, name):
    """Open a tab, wait for its first answer, and return its pane."""
    page.bring_to_front()  # only one page of a browser has the keyboard
    page.click(f"#{name}-tab-button")
    pane = page.locator(f"#{name} .pds-pane")
    expect(pane).to_have_attribute("data-answered", re.compile(r"\d"))
    return pane


def drop(page, texts=None, files=(), *, folders=False, on=".pds-panel"):
    """Drop texts by MIME type and files; returns whether the page took them from the browser.

    Args:
        page: the page.
        texts: texts by MIME type.
        files: (name, content) or (name, content, MIME type).
        folders: whether the files are folders.
        on: selector of the element.
    """
    encoded = [
        [name, base64.b64encode(content).decode(), *(kind or [""])]
        for name, content, *kind in files
    ]
    return page.evaluate(DROP, [texts or {}, encoded, folders, on])


def saved(page, name):
    """Save by a button of the menu Download; the file's name and content."""
    if not page.locator(".pds-menu[open]").count():
        page.get_by_text("Download", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name=name).click()
    return download.value.suggested_filename, download.value.path().read_bytes()


def expect_request(page, request=None, **fields):
    """Wait until the address, which follows the controls, says this request or these fields."""

    def said():
        found = request_text.from_query(urlsplit(page.url).query)[0]
        return found if request is not None else {name: getattr(found, name) for name in fields}

    expected = fields if request is None else request
    with suppress(TimeoutError):
        page.wait_for_url(lambda _: said() == expected)
    assert said() == expected


def saved_picture(request):
    """Content of a small PNG that says how it was drawn."""
    return pictures.encode_png(np.zeros((8, 8, 3), np.uint8), request_text.to_record(request))
