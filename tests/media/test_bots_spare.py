"""The process that waits for the next call, and what many calls leave."""

from __future__ import annotations

import asyncio
import gc
import os
import signal

import pytest

from gateway.media.bots import Bots
from tests.media.running import begin, descriptors, looked, running, spares, template
from tests.support.gateway import alive
from tests.support.waiting import until


async def test_a_call_takes_the_spare_and_another_takes_its_place(bots: Bots) -> None:
    await until(lambda: len(spares(bots)) == 1, "there is a spare")
    (spare,) = spares(bots)
    process = await begin(bots, "wait")
    assert process.pid == spare
    await until(lambda: len(spares(bots)) == 1, "there is another")
    process.kill()


async def test_a_spare_that_has_ended_is_missed_by_nobody(bots: Bots) -> None:
    await until(lambda: len(spares(bots)) == 1, "there is a spare")
    (spare,) = spares(bots)
    os.kill(spare, signal.SIGKILL)
    await until(lambda: not alive(spare), "it has ended")
    assert (await looked(bots))["session"]


async def test_a_spare_that_hangs_is_passed_over() -> None:
    async with running() as bots:
        await until(lambda: len(spares(bots)) == 1, "there is a spare")
        (spare,) = spares(bots)
        os.kill(spare, signal.SIGSTOP)
        process = await begin(bots, "look", filler="x" * 1_000_000)  # more than a socket holds
        assert process.pid != spare
        assert (await process.ended).how == "returned"


async def test_many_calls_leave_no_descriptor_behind() -> None:
    async with running() as bots:
        await looked(bots)
        await until(lambda: len(spares(bots)) == 1, "there is a spare")
        gc.collect()  # what other tests have left
        before = descriptors(os.getpid()), descriptors(template(bots))
        for _ in range(50):
            for process in [await begin(bots, "return") for _ in range(4)]:
                await process.ended
                process.sock.close()
        await until(lambda: len(spares(bots)) == 1, "there is a spare")
        await until(lambda: descriptors(os.getpid()) <= before[0], "media has as many open")
        await until(lambda: descriptors(template(bots)) <= before[1], "the template has")


async def test_a_call_given_up_while_it_begins_leaves_no_process() -> None:
    async with running() as bots:
        beginning = asyncio.create_task(begin(bots, "wait"))
        while not bots._processes:  # noqa: ASYNC110 -- it must not get as far as an answer
            await asyncio.sleep(0)
        beginning.cancel()
        with pytest.raises(asyncio.CancelledError):
            await beginning
        await until(lambda: not bots._processes, "it has ended")
