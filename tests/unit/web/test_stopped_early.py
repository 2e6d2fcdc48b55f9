"""A run is closed even if it is stopped before its first message."""

import asyncio
import threading

import gradio as gr
import pytest
from anyio import CapacityLimiter

from pds.limits import MAX_RUNS
from pds.web import layout
from tests.support.loops import run


class Held:
    """A run whose first step lasts until it is released."""

    def __init__(self):
        self.stepping, self.go_on, self.closed = threading.Event(), threading.Event(), 0
        self.messages = self.steps()

    def steps(self):
        try:
            self.stepping.set()
            self.go_on.wait(20)
            yield 1
            yield 2
        finally:
            self.closed += 1


async def read(held, *, first):
    """What gradio does with a run; between the first message and the next it has other work."""
    messages = gr.utils.SyncToAsyncIterator(held.messages, CapacityLimiter(MAX_RUNS))
    assert await anext(messages) == 1
    first.set()
    await asyncio.sleep(20)


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture(autouse=True)
def options():
    layout.options()


def test_a_run_that_is_stopped_in_its_first_step_is_closed_after_it():
    async def stop():
        held, first = Held(), asyncio.Event()
        task = asyncio.create_task(read(held, first=first))
        await until(held.stepping.is_set)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not held.closed
        held.go_on.set()
        await until(lambda: held.closed)

    run(stop())


def test_a_run_that_is_stopped_while_its_first_message_is_sent_is_closed():
    async def stop():
        held, first = Held(), asyncio.Event()
        held.go_on.set()
        task = asyncio.create_task(read(held, first=first))
        await first.wait()
        task.cancel()
        await until(lambda: held.closed)

    run(stop())


def test_a_run_that_ended_is_not_closed_again():
    async def end():
        held = Held()
        held.go_on.set()

        async def read_all():
            messages = gr.utils.SyncToAsyncIterator(held.messages, CapacityLimiter(MAX_RUNS))
            return [message async for message in messages]

        assert await asyncio.create_task(read_all()) == [1, 2]
        await asyncio.sleep(0.05)
        assert held.closed == 1

    run(end())
