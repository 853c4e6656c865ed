"""Calls that an earlier front has left, in a media process of another version."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gateway.front.calls import Calls
from gateway.front.neighbours import Neighbours
from gateway.front.places import left
from gateway.settings import Settings
from gateway.wire.calls import KeptCall, SessionEvent, Unreadable
from gateway.wire.ipc import Channel, post_of
from tests.support.waiting import until

CALL: dict[str, Any] = {"session_id": "s1", "pc_id": "p1", "device": "kitchen", "owner": {}, "described": {}}


class Later:
    """What a media process of a later version says to whoever comes for its calls."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True)
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.bind(str(path))
        self._sock.listen()
        self._sock.setblocking(False)
        self.calls: list[dict[str, Any]] = []
        self.channel: Channel | None = None

    async def run(self) -> None:
        found, _ = await asyncio.get_running_loop().sock_accept(self._sock)
        self.channel = await Channel.over(found, handle=self._handle, on_event=lambda *_: None)
        await self.channel.run()

    async def _handle(self, _name: str, _body: dict[str, Any]) -> Any:
        return {"worker": 3, "calls": self.calls, "region": "new"}

    def close(self) -> None:
        self._sock.close()


@pytest.fixture
async def later(tmp_path: Path) -> AsyncIterator[Later]:
    made = Later(post_of(tmp_path, os.getpid()))
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    made.close()


async def test_what_is_new_in_it_is_left_out_and_its_calls_go_on(tmp_path: Path, later: Later) -> None:
    later.calls = [{**CALL, "mood": "new"}]
    events: list[SessionEvent] = []
    [(process, calls)] = await left.find(
        Settings(data_dir=tmp_path), lambda _number, event: events.append(event)
    )
    assert calls == [KeptCall(**CALL)]
    assert later.channel is not None
    for kind in ("dreamt", "turn"):
        later.channel.event("event", {"kind": kind, "session_id": "s1", "data": {}, "mood": "new"})
    await until(lambda: bool(events), "it is heard")
    assert [event.kind for event in events] == ["turn"]
    assert process.fault() is None
    await process.let_go()


async def test_what_cant_be_read_is_left_alone(tmp_path: Path, later: Later) -> None:
    later.calls = [{"id": "s1"}]
    assert await left.find(Settings(data_dir=tmp_path), lambda *_: None) == []
    assert later.channel is not None
    await later.channel.closed.wait()


def test_an_owner_that_cant_be_read_is_told_so() -> None:
    with pytest.raises(Unreadable):
        Calls(Neighbours()).adopt(KeptCall(**CALL))
