"""The page in a frame of a Space, whose address bar has the link."""

from contextlib import suppress
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Error, expect

from pds.jobs import request_text
from pds.request import Request
from pds.web.tabs.compare import tab

SPACE = "https://huggingface.co/spaces/somebody/pds"
REQUEST = Request("field64", 7, 3.5, frequency=False, space=True, num_images=2, seed=11)
AROUND = """<body style="margin: 0">
<iframe name="app" style="width: 100vw; height: 100vh; border: 0" src="{}"></iframe><script>
  window.queries = [];
  addEventListener("message", ({{ data, origin }}) => {{
    if (data.queryString === undefined) return;
    queries.push([data.queryString, origin]);
    history.replaceState(null, "", "?" + data.queryString);
  }});
</script>"""
"""A stand-in for the page of a Space: it hands its query to the frame and follows its messages."""
ONE_MESSAGE = """() => new Promise((resolve) => {
  addEventListener("message", resolve, { once: true });
  postMessage({}, "*");
})"""
ELSEWHERE = '"setup":{"space":""'
"""Of the page of a server that is no Space."""


@pytest.fixture
def context(context_of):
    context = context_of(base_url=SPACE)
    with suppress(Error):  # older versions have no such permission, and need none
        context.grant_permissions(["local-network-access"])
    yield context
    context.unroute_all()
    context.clear_permissions()
    for page in context.pages:
        page.close()


@pytest.fixture
def around(context, address):
    """Opens the page around a frame with a query; `host` is the origin that it has."""
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(error))

    def opened(query="", private="", host=SPACE):
        def serve(route):
            given = "&".join(filter(None, [route.request.url.partition("?")[2], private]))
            route.fulfill(content_type="text/html", body=AROUND.format(f"{address}/?{given}"))

        context.route(host + "**", serve)
        page.goto(f"{host}?{query}" if query else host)
        frame = page.frame(name="app")
        frame.wait_for_selector(".pds-scrub:enabled", state="attached")
        return page, frame

    yield opened
    assert not errors


@pytest.fixture
def in_space(context, address):
    """The pages of the context come from a server that runs as the Space."""

    def serve(route):
        answer = route.fetch()
        before, found, after = answer.text().partition(ELSEWHERE)
        assert found
        route.fulfill(response=answer, body=f'{before}"setup":{{"space":"{SPACE}"{after}')

    context.route(f"{address}/?*", serve)
    return context


def queries(page):
    return [query for query, _ in page.evaluate("queries")]


def test_the_address_around_the_frame_follows_the_settings(around, address):
    page, frame = around()
    frame.fill("[name=num_steps]", "31")
    frame.fill("[name=alpha]", "2.5")
    page.wait_for_function("queries.at(-1)?.[0].includes('alpha=2.5')")
    query, origin = page.evaluate("queries.at(-1)")
    assert origin == address
    assert not query.startswith("?")
    request, given, sentence = request_text.from_query(query)
    assert (given, sentence, request.num_steps, request.alpha) == (True, "", 31, 2.5)
    assert page.url == f"{SPACE}?{query}"


@pytest.mark.slow
def test_the_address_around_the_frame_follows_the_tab(around):
    page, frame = around()
    frame.click("#filter-tab-button")
    page.wait_for_function("queries.at(-1)?.[0].includes('tab=filter')")


@pytest.mark.slow
def test_the_address_around_the_frame_follows_the_reader_of_the_story(around):
    """There the page is in a frame of another host, whose window it does not know."""
    page, frame = around("tab=story&step=controls")
    heading = frame.locator("[data-step=controls] h2")
    expect(heading).to_be_in_viewport()
    page.mouse.move(700, 600)
    page.mouse.wheel(0, 400)
    page.wait_for_function("/step=(map|clocks)/.test(queries.at(-1)?.[0])")
    frame.get_by_role("link", name="Step 2: ").click()
    page.wait_for_function("queries.at(-1)?.[0].includes('step=octaves')")
    assert "tab=story" in queries(page)[-1]


@pytest.mark.slow
def test_settings_in_the_address_around_the_frame_are_restored_and_updated(around):
    page, frame = around(request_text.to_query(REQUEST) + "&tab=filter")
    expect(frame.locator("#filter .pds-pane h1")).to_be_visible()
    frame.click("#compare-tab-button")
    page.wait_for_function("queries.at(-1)?.[0].includes('tab=compare')")
    assert request_text.from_query(queries(page)[-1])[0] == REQUEST


@pytest.mark.slow
def test_the_key_of_a_private_space_stays_within_the_frame(around):
    page, frame = around("__theme=dark", private="__sign=secret")
    frame.fill("[name=seed]", "3")
    page.wait_for_function("queries.length")
    query = parse_qs(queries(page)[-1])
    assert "__sign" not in query
    assert query["__theme"] == ["dark"]
    assert "secret" not in str(page.evaluate("queries"))


def test_a_foreign_page_around_the_frame_gets_no_message(around):
    page, frame = around(host="https://blog.example/post")
    frame.fill("[name=seed]", "3")
    frame.wait_for_function("location.search.includes('seed=3')")
    page.evaluate(ONE_MESSAGE)  # it comes after any that was sent before
    assert queries(page) == []


def test_without_a_frame_no_message_is_sent(page):
    page.evaluate(
        "window.posted = []; addEventListener('message', ({ data }) => posted.push(data))"
    )
    page.fill("[name=seed]", "3")
    page.wait_for_function("location.search.includes('seed=3')")
    assert [m for m in page.evaluate("posted") if "queryString" in (m or {})] == []


def copied_link(frame):
    frame.get_by_text("Share", exact=True).click()
    frame.get_by_role("button", name="Copy link").click()
    expect(frame.get_by_label("Text to copy")).to_be_visible()
    return frame.get_by_label("Text to copy").input_value()


@pytest.mark.slow
def test_a_link_is_copied_from_a_frame_that_is_not_of_a_space(around, address):
    _, frame = around("seed=5&num_steps=3&model=field64")
    link = copied_link(frame)
    assert link.startswith(address + "/?")
    assert "seed=5" in link


@pytest.mark.slow
def test_a_link_that_is_copied_within_a_space_opens_there(around, in_space):
    _, frame = around(request_text.to_query(REQUEST))
    link = copied_link(frame)
    assert link.startswith(SPACE + "?")
    _, frame = around(link.partition("?")[2])
    request, given, sentence = request_text.from_query(frame.evaluate("location.search"))
    assert (request, given, sentence) == (REQUEST, True, "")
    expect(frame.locator("[name=num_steps]")).to_have_value(str(REQUEST.num_steps))


@pytest.mark.slow
def test_a_link_that_is_copied_at_the_direct_address_of_a_space_opens_there(in_space, address):
    page = in_space.new_page()
    page.goto(f"{address}/?seed=5")
    assert copied_link(page).startswith(f"{address}/?")


def test_a_space_names_its_page(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "somebody/pds")
    assert tab.setup()["space"] == SPACE


def test_elsewhere_there_is_no_page_of_a_space(monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert tab.setup()["space"] == ""
