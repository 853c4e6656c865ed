"""Several calls in the process of one bot, whose media wait for nobody."""

from __future__ import annotations

import asyncio
import socket

import pytest

from gateway.media import packs
from gateway.media.packs import Pack
from gateway.wire.calls import BotJob, Exit
from tests.support.waiting import PATIENCE, until


class Blocked:
    """A process that reads nothing."""

    def __init__(self) -> None:
        self.sock, self.other = socket.socketpair()
        self.sock.setblocking(False)
        self.ended: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()

    def terminate(self) -> None: ...

    def kill(self) -> None:
        if not self.ended.done():
            self.ended.set_result(Exit(how="killed", detail="SIGKILL"))


def job(number: int) -> BotJob:
    return BotJob(session_id=f"s{number}", bot="b", body="y" * 50_000, device=None, pc_id="")


async def test_a_process_that_takes_no_calls_holds_nobody_up_and_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packs, "STUCK_SECONDS", 0.2)
    process = Blocked()
    pack = Pack("b", process)
    bots = [pack.begin(job(n)) for n in range(20)]
    assert not process.ended.done(), "it would have been ended here, had anybody waited for it"
    await until(lambda: all(bot.ended.done() for bot in bots), "its bots have ended with it")
    for bot in bots:
        bot.sock.close()
    process.other.close()


async def test_a_process_that_is_slow_to_take_calls_takes_all_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packs, "STUCK_SECONDS", PATIENCE)
    process = Blocked()
    pack = Pack("b", process)
    bots = [pack.begin(job(n)) for n in range(20)]
    came, passed = b"", list[int]()
    process.other.setblocking(False)
    while came.count(b"\n") < 20:
        try:
            data, descriptors, _, _ = socket.recv_fds(process.other, 1 << 16, 2)
        except BlockingIOError:
            await asyncio.sleep(0)
            continue
        assert data, "it was ended"
        came += data
        passed += descriptors
    assert len(passed) == 20
    for fd in passed:
        socket.socket(fileno=fd).close()
    assert not process.ended.done()
    for bot in bots:
        assert not bot.ended.done()
        bot.sock.close()
    process.kill()
    process.other.close()
