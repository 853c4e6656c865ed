"""Who is served when, and how much of a client's is taken in, with an engine that only counts."""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.speech.framing import HEADER, MAX_PAYLOAD, Kind, Message, decode_header
from gateway.speech.serving import MAX_CLIENTS, MAX_STREAMS, Server

_WORK_SECONDS = 0.001


@dataclass
class _Engine:
    """Notes whose messages it handles; a piece of audio costs it a millisecond, a DROP takes long."""

    handled: list[tuple[int, Message]] = field(default_factory=list)
    pausing: bool = True
    busy: asyncio.Event = field(default_factory=asyncio.Event)
    left: list[int] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def handle(self, client: int, message: Message) -> Iterator[tuple[int, Message] | None]:
        self.handled.append((client, message))
        self.busy.set()
        while message.kind is Kind.DROP and self.pausing:
            yield None
        until = time.thread_time() + _WORK_SECONDS
        while message.kind is Kind.AUDIO and time.thread_time() < until:
            pass
        if message.kind is Kind.END:
            yield client, Message(Kind.RESULT, message.stream, message.utterance)

    def leave(self, client: int) -> None:
        self.left.append(client)
        self.gone.set()


class _Peer:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, kind: Kind, stream: int = 1, payload: bytes = b"", times: int = 1) -> None:
        self.writer.write(Message(kind, stream, 1, payload).encode() * times)

    async def receive(self) -> Kind:
        header = await asyncio.wait_for(self.reader.readexactly(HEADER.size), 60)
        return decode_header(header)[0].kind


@pytest.fixture
def engine() -> _Engine:
    return _Engine()


@pytest.fixture
async def path(engine: _Engine, tmp_path: Path) -> AsyncIterator[Path]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        serving = asyncio.create_task(Server(engine).run(listener), name="serving")
        yield tmp_path / "s"
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


@asynccontextmanager
async def _peer(path: Path) -> AsyncIterator[_Peer]:
    peer = _Peer(*await asyncio.open_unix_connection(path))
    assert await peer.receive() is Kind.READY
    try:
        yield peer
    finally:
        peer.writer.close()


async def test_a_client_that_asks_for_little_waits_for_little(engine: _Engine, path: Path) -> None:
    async with _peer(path) as greedy, _peer(path) as modest:
        greedy.send(Kind.AUDIO, payload=bytes(640), times=300)
        greedy.send(Kind.END)
        greedy.send(Kind.PING)
        await asyncio.wait_for(engine.busy.wait(), 60)
        modest.send(Kind.AUDIO, payload=bytes(640))
        modest.send(Kind.END)
        assert await modest.receive() is Kind.RESULT
        assert len(engine.handled) < 150  # of 303


async def test_who_rested_has_saved_up_nothing(engine: _Engine, path: Path) -> None:
    async with _peer(path) as early, _peer(path) as late:
        early.send(Kind.AUDIO, payload=bytes(640), times=100)
        early.send(Kind.END)
        assert await early.receive() is Kind.RESULT
        del engine.handled[:]
        for peer in (late, early):
            peer.send(Kind.AUDIO, payload=bytes(640), times=100)
            peer.send(Kind.END)
        assert await early.receive() is Kind.RESULT
        assert await late.receive() is Kind.RESULT
        last = {client: at for at, (client, _) in enumerate(engine.handled)}
        assert abs(last[2] - last[1]) < 50


async def test_others_have_their_turn_in_a_pause(engine: _Engine, path: Path) -> None:
    async with _peer(path) as slow, _peer(path) as quick:
        slow.send(Kind.DROP)  # the engine pauses in it until told
        await asyncio.wait_for(engine.busy.wait(), 60)
        quick.send(Kind.END)
        assert await quick.receive() is Kind.RESULT
        engine.pausing = False
        slow.send(Kind.PING)
        assert await slow.receive() is Kind.PONG


async def test_the_streams_of_a_client_take_turns(engine: _Engine, path: Path) -> None:
    async with _peer(path) as peer:
        peer.send(Kind.AUDIO, 1, bytes(2), times=20)
        peer.send(Kind.AUDIO, 2, bytes(2), times=20)
        peer.send(Kind.END, 1)
        assert await peer.receive() is Kind.RESULT
        assert [message.stream for _, message in engine.handled[:6]] == [1, 2, 1, 2, 1, 2]


async def test_a_long_piece_is_no_long_turn(engine: _Engine, path: Path) -> None:
    pcm = bytes(range(200)) * 320
    async with _peer(path) as peer:
        peer.send(Kind.AUDIO, payload=pcm)
        peer.send(Kind.END)
        assert await peer.receive() is Kind.RESULT
    pieces = [message.payload for _, message in engine.handled if message.kind is Kind.AUDIO]
    assert b"".join(pieces) == pcm
    assert max(map(len, pieces)) <= 6_400


async def test_it_takes_in_no_more_than_it_can_work_off(path: Path) -> None:
    """What can be sent while it doesn't get on with the first of it: a few hundred kB of 4 MB."""
    speech = Message(Kind.AUDIO, 1, 1, bytes(MAX_PAYLOAD)).encode() * 64
    with socket.socket(socket.AF_UNIX) as flood:
        flood.connect(str(path))
        flood.setblocking(False)
        await asyncio.get_running_loop().sock_recv(flood, HEADER.size)
        flood.send(Message(Kind.DROP, 1).encode())
        sent, stuck = 0, 0
        while stuck < 50 and sent < len(speech):
            try:
                sent, stuck = sent + flood.send(speech[sent : sent + MAX_PAYLOAD]), 0
            except BlockingIOError:
                stuck += 1
                await asyncio.sleep(0)
        assert sent < len(speech) // 2


async def test_a_client_that_does_not_read_is_dropped(engine: _Engine, path: Path) -> None:
    async with _peer(path) as peer:
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        with suppress(ConnectionError):
            for _ in itertools.count():
                peer.send(Kind.PING, times=1000)
                await peer.writer.drain()
        assert engine.left == [1]


async def test_nonsense_ends_its_own_connection_alone(path: Path) -> None:
    async with _peer(path) as good, _peer(path) as bad:
        bad.writer.write(bytes(HEADER.size))
        assert await bad.reader.read() == b""
        good.send(Kind.PING)
        assert await good.receive() is Kind.PONG


async def test_more_streams_than_anyone_needs_end_a_connection(path: Path) -> None:
    async with _peer(path) as peer:
        for stream in range(MAX_STREAMS + 1):
            peer.send(Kind.START, stream)
        assert await peer.reader.read() == b""


async def test_closed_streams_do_not_count(path: Path) -> None:
    async with _peer(path) as peer:
        for stream in range(MAX_STREAMS + 1):
            peer.send(Kind.START, stream)
            peer.send(Kind.CLOSE, stream)
            if stream % 50 == 0:
                peer.send(Kind.PING)
                assert await peer.receive() is Kind.PONG
        peer.send(Kind.PING)
        assert await peer.receive() is Kind.PONG


async def test_what_a_client_had_is_given_back(engine: _Engine, path: Path) -> None:
    async with _peer(path) as peer:
        peer.send(Kind.START)
    await asyncio.wait_for(engine.gone.wait(), 60)
    assert engine.left == [1]


async def test_one_client_too_many_is_turned_away(path: Path) -> None:
    peers = [_Peer(*await asyncio.open_unix_connection(path)) for _ in range(MAX_CLIENTS + 1)]
    assert [await peer.receive() for peer in peers[:-1]] == [Kind.READY] * MAX_CLIENTS
    assert await peers[-1].reader.read() == b""
    for peer in peers:
        peer.writer.close()
