"""Models and masks of a visit: no other visit can use them, and they are dropped at its end."""

import json
import logging
import threading
from types import SimpleNamespace

import pytest

from pds import models
from pds.limits import IDLE_SECONDS, LEFT_SECONDS, MAX_UNREAD, MAX_VISITS, UNREAD_SECONDS
from pds.serving.visitor_store import NO_VISIT, VisitorStore
from pds.serving.worker import Workers
from pds.web.components import run_handler
from pds.web.server import gradio_internals, journal, runs, visits
from pds.web.server.gradio_internals import health
from pds.web.server.journal import Journal
from pds.web.server.visits import Visits
from pds.web.tabs.compare.tab import TAB
from pds.web.tabs.filter import masks
from pds.web.tabs.images import tab as images_tab
from tests.support.loops import run


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def request(visit):
    """What gradio gives to a server function."""
    return SimpleNamespace(scope={"pds.visit": visit})


def bring(visit):
    values = {"size": 32, "example": True, "texture": 0.5}
    return runs.answer(images_tab.bring, values, request(visit))["model"]


def test_another_visit_does_not_get_a_model_even_by_its_name():
    name = bring("a")
    values = {"model": name, "kind": "frequency"}
    assert "content" in runs.answer(masks.file_of, values, request("a"))
    answer = runs.answer(masks.file_of, values, request("b"))
    assert "model must be one of" in answer["error"]
    assert name not in answer["error"]
    visits.drop("a")


def test_a_run_of_another_visits_model_is_refused():
    name = bring("a")
    values = {"model": name, "num_steps": 2, "alpha": 5, "frequency": True, "space": False,
             "num_images": 1, "seed": 0, "tuned": False}  # fmt: skip
    event = SimpleNamespace(_data=values)
    own, other = SimpleNamespace(session_hash="a"), SimpleNamespace(session_hash="b")
    *_, last = run_handler(TAB.run)(event, own)
    assert json.loads(last)["kind"] == "done"
    (message,) = run_handler(TAB.run)(event, other)
    assert json.loads(message)["kind"] == "error"
    visits.drop("a")


def test_what_a_browser_says_of_its_visit_is_not_believed():
    name = bring("a")
    values = {"model": name, "kind": "frequency", "visit": "a"}
    answer = runs.answer(masks.file_of, values, request("b"))
    assert "error" in answer
    visits.drop("a")


def test_a_visit_does_not_drop_the_items_of_others():
    store = VisitorStore(4, "The thing", max_per_visit=2)
    theirs = store.add("theirs", "a")
    mine = [store.add(i, "b") for i in range(5)]
    assert theirs in store
    assert [name in store for name in mine] == [False, False, False, True, True]


def test_dropping_a_visit_leaves_the_items_of_others():
    store = VisitorStore(4, "The thing")
    a, b, c = store.add("a", "a"), store.add("b", "b"), store.add("c", NO_VISIT)
    assert store.drop("a") == 1
    assert [name in store for name in (a, b, c)] == [False, True, True]


@pytest.fixture
def clock():
    return Clock()


def test_items_are_dropped_when_the_tab_has_been_closed_for_a_while(clock):
    here = Visits(clock)
    name = bring("tab")
    with here.connected("tab", "heartbeats"):
        clock.now = IDLE_SECONDS / 2
        assert here.sweep() == []
    clock.now += LEFT_SECONDS - 1
    assert here.sweep() == []
    assert name in models.visitor_models
    clock.now += 1
    assert here.sweep() == ["tab"]
    assert name not in models.visitor_models


def test_a_heartbeat_that_returns_keeps_the_visit(clock):
    here = Visits(clock)
    with here.connected("tab", "heartbeats"):
        pass
    clock.now += LEFT_SECONDS - 1
    with here.connected("tab", "heartbeats"):
        clock.now += 5 * LEFT_SECONDS
        assert here.sweep() == []


def test_an_idle_visit_is_over_with_its_tab_open_but_not_while_it_reads(clock):
    here = Visits(clock)
    with here.connected("tab", "heartbeats"), here.connected("reader", "streams"):
        clock.now = IDLE_SECONDS
        assert here.sweep() == ["tab"]


def test_invented_visits_are_forgotten(clock):
    here = Visits(clock)
    for i in range(MAX_VISITS + 50):
        here.see(f"v{i}")
    assert here.sweep() == [f"v{i}" for i in range(50)]
    assert len(here) == MAX_VISITS


def reader(sizes):
    """A request whose visit has so many unread messages, one after the other."""
    left = list(sizes)
    queue = SimpleNamespace(qsize=lambda: left.pop(0) if len(left) > 1 else left[0])
    app = SimpleNamespace(
        get_blocks=lambda: SimpleNamespace(
            _queue=SimpleNamespace(pending_messages_per_session={"v": queue})
        )
    )
    return SimpleNamespace(session_hash="v", request=SimpleNamespace(app=app))


def test_a_run_waits_for_its_reader():
    waits = []
    slow = reader([MAX_UNREAD + 2] * 4 + [MAX_UNREAD])
    messages = [{"iteration": i} for i in (1, 2, 3)]
    run = runs.run("sample", {}, lambda own: (m for m in messages), slow, sleep=waits.append)
    assert list(run) == messages
    assert waits


def test_a_run_without_a_reader_ends(monkeypatch, clock):
    monkeypatch.setattr(runs.time, "monotonic", clock)
    taken = []

    def endless(own):
        for i in range(2000):
            taken.append(i)
            yield {"iteration": i}

    def pass_time(seconds):
        clock.now += seconds

    messages = runs.run("sample", {}, endless, reader([MAX_UNREAD + 1]), sleep=pass_time)
    with pytest.raises(TimeoutError, match="no message of the run was read"):
        list(messages)
    assert len(taken) == 1
    assert clock.now == pytest.approx(UNREAD_SECONDS, abs=1)


class Queue:
    """What gradio keeps of its visits."""

    def __init__(self, *names):
        self.pending_messages_per_session = dict.fromkeys(names)
        self.pending_event_ids_session = {name: set() for name in names}
        self.cleaned = []

    async def clean_events(self, *, session_hash):
        self.cleaned.append(session_hash)


def test_messages_without_a_reader_are_dropped_and_others_stay(clock):
    queue, here = Queue("gone", "reads"), Visits(clock)
    with here.connected("reads", "streams"):
        run(gradio_internals.drop_unread(queue, here))
        clock.now = UNREAD_SECONDS + 1
        run(gradio_internals.drop_unread(queue, here))
    assert queue.cleaned == ["gone"]
    assert set(queue.pending_messages_per_session) == {"reads"}
    assert set(queue.pending_event_ids_session) == {"reads"}


def test_a_visit_that_is_looked_at_between_its_runs_is_not_taken_for_one_that_left(clock):
    """It was, once in a thousand runs of a client: each look fell between two of them."""
    queue, here = Queue("busy"), Visits(clock)
    for _ in range(3 * UNREAD_SECONDS):
        with here.connected("busy", "streams"):
            clock.now += 1
        run(gradio_internals.drop_unread(queue, here))
    assert queue.cleaned == []


ASKED = {"model": "field64", "num_steps": 3, "num_images": 1, "alpha": 5, "seed": 0}


def followed(journal, messages, *, kind="sample", request=ASKED):
    """Messages that pass through an entry of a journal."""
    with journal.entry(kind, request) as entry:
        for message in messages:
            entry.add(message)
            yield message


def lines(caplog):
    return [record.fields for record in caplog.records if record.getMessage() == "run"]


@pytest.fixture
def written(caplog):
    caplog.set_level(logging.INFO, logger="pds")
    return caplog


def test_a_run_is_written_down_with_what_it_was_and_how_it_ended(written):
    runs_journal, clock = Journal(lambda: 0.0), []
    messages = ({"iteration": i, "nfe": 2 * i} for i in (1, 2, 3))
    for _ in followed(runs_journal, messages, kind="compare"):
        clock.append(runs_journal.under_way)
    (line,) = lines(written)
    assert clock == [1, 1, 1]
    assert runs_journal.under_way == 0
    assert line["outcome"] == "done"
    assert {k: line[k] for k in ("kind", "model", "num_steps", "nfe", "together")} == {
        "kind": "compare", "model": "field64", "num_steps": 3, "nfe": 6, "together": 1
    }  # fmt: skip


def test_a_stopped_a_refused_and_a_failed_run_say_so(written):
    runs_journal = Journal()

    def raising(error):
        yield {"iteration": 1, "nfe": 2}
        raise error

    stopped = followed(runs_journal, [{"iteration": 1}, {"iteration": 2}])
    next(stopped)
    stopped.close()
    list(followed(runs_journal, [{"kind": "error", "sentence": "No."}]))
    for error in (ValueError("no"), TimeoutError("nobody"), RuntimeError("bug")):
        with pytest.raises(type(error)):
            list(followed(runs_journal, raising(error)))
    outcomes = [line["outcome"] for line in lines(written)]
    assert outcomes == ["stopped", "refused", "refused", "stopped", "failed"]
    assert runs_journal.state()["outcomes"] == {"done": 0, "stopped": 2, "refused": 2, "failed": 1}


def test_the_journal_never_names_the_items_of_a_visitor(written):
    list(followed(Journal(), [{"iteration": 1}], request=ASKED | {"model": "a-secret-name"}))
    assert lines(written)[0]["model"] == "brought"


def test_the_journal_names_the_samplers_that_were_named(written):
    request = ASKED | {"left": "vanilla@9", "right": "pds:5.0", "snr": 0.2, "corrector_steps": 2}
    list(followed(Journal(), [], request=request))
    (line,) = lines(written)
    fields = ("left", "right", "snr", "corrector_steps")
    assert [line[name] for name in fields] == ["vanilla@9", "pds:5", 0.2, 2]


@pytest.mark.parametrize("name", ["a secret", "pds:5\nforged", ["x"], 5])
def test_the_journal_keeps_no_text_that_is_not_the_name_of_a_sampler(written, name):
    list(followed(Journal(), [], request=ASKED | {"left": name, "right": ""}))
    (line,) = lines(written)
    assert line["left"] == "unknown" and "right" not in line


def test_a_line_is_json_for_every_request(written):
    odd = {"model": ["x"], "num_steps": float("nan"), "seed": "\ud800" * 999, "alpha": {"a": 1}}
    list(followed(Journal(), [], request=odd))
    text = journal._Lines().format(written.records[-1])
    assert len(text) < 1000
    assert json.loads(text)["event"] == "run"


def test_masks_are_dropped_with_their_visit_too():
    visits.visitor_masks.add(object(), "m")
    before = len(visits.visitor_masks)
    assert visits.drop("m") == 1
    assert len(visits.visitor_masks) == before - 1


def test_a_wait_is_estimated_from_runs_that_ended_and_those_under_way(clock):
    runs_journal = Journal(clock)
    assert runs_journal.wait(0, 1) == 0
    under_way = followed(runs_journal, [{}, {}])
    next(under_way)
    clock.now = 8.0
    assert runs_journal.wait(0, 1) == pytest.approx(8)
    assert runs_journal.wait(3, 1) == pytest.approx(4 * 8)
    assert runs_journal.wait(3, 2) == pytest.approx(2 * 8)
    list(under_way)
    assert runs_journal.wait(0, 1) == 0
    assert runs_journal.wait(1, 1) == pytest.approx(2 * 8)


def test_a_sampler_whose_thread_has_ended_is_not_called_healthy(monkeypatch):
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    workers = Workers(["cpu:0", "cpu:1"])
    monkeypatch.setattr(gradio_internals.models, "workers", lambda: workers)
    assert gradio_internals.server_state(None)["status"] == "ok"
    with workers.place(), workers.place() as second:
        monkeypatch.setattr(second, "_thread", thread)
    answer = run(health(lambda: gradio_internals.server_state(None))(None))
    assert answer.status_code == 503
    assert "thread has ended on cpu:1" in json.loads(answer.body)["status"]


def test_the_folder_is_new_and_our_own_unless_one_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv(gradio_internals.FOLDER, raising=False)
    own = gradio_internals.claim_folder()
    assert list(own.iterdir()) == []
    assert own.stat().st_mode & 0o077 == 0
    own.rmdir()
    monkeypatch.setenv(gradio_internals.FOLDER, str(tmp_path / "named" / "here"))
    assert gradio_internals.claim_folder() == tmp_path / "named" / "here"
