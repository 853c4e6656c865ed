"""One recogniser, several processes: each hears only itself, and none of them can hurt another."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import sys
import wave
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from gateway.environment import engine_announced, engine_socket
from gateway.speech.engine_process import EngineProcess
from gateway.speech.framing import HEADER, MAX_PAYLOAD, Kind, Message, decode_header
from gateway.speech.language_model import LanguageModel
from gateway.speech.sphinx import shared_engine
from gateway.speech.sphinx_worker import MAX_DECODERS
from tests.speech.conftest import DATA, held_recogniser

ROOT = Path(__file__).parents[2]
Say = Callable[[str], bytes]
_RNG = random.Random(1)  # noqa: S311 - not for secrets


@pytest.fixture
async def shared(model: LanguageModel) -> AsyncIterator[EngineProcess]:
    async with held_recogniser(model) as process:
        yield process


@pytest.fixture
def recorded() -> bytes:
    with wave.open(str(DATA / "what_time_is_it.wav")) as file:
        pcm: bytes = file.readframes(file.getnframes())
    return pcm


class Speaker:
    """A process of its own that speaks one sentence."""

    def __init__(self, process: Process) -> None:
        self.process = process

    async def begin(self) -> None:
        """Half of the sentence."""
        assert await self._tell() == "half"

    async def end(self) -> str:
        """The rest; what was heard of it all."""
        return await self._tell()

    async def speak(self) -> str:
        await self.begin()
        return await self.end()

    async def _tell(self) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        return (await asyncio.wait_for(self.process.stdout.readline(), 60)).decode().strip()


@asynccontextmanager
async def _run(module: str, model: LanguageModel, *arguments: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, str(model.arpa), str(model.dictionary), str(model.acoustic), *arguments,
        stdin=PIPE, stdout=PIPE, cwd=ROOT,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def _speaker(model: LanguageModel, file: Path, pcm: bytes) -> AsyncIterator[Speaker]:
    file.write_bytes(pcm)
    async with _run("tests.speech.speaker", model, str(file)) as process:
        yield Speaker(process)


@asynccontextmanager
async def _two(
    model: LanguageModel, tmp_path: Path, *speech: bytes
) -> AsyncIterator[tuple[Speaker, Speaker]]:
    async with (
        _speaker(model, tmp_path / "a", speech[0]) as a,
        _speaker(model, tmp_path / "b", speech[1]) as b,
    ):
        yield a, b


@asynccontextmanager
async def _raw(path: Path) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_unix_connection(path)
    message, _ = decode_header(await asyncio.wait_for(reader.readexactly(HEADER.size), 60))
    assert message.kind is Kind.READY
    try:
        yield reader, writer
    finally:
        writer.close()


async def _heard(model: LanguageModel, pcm: bytes) -> str:
    async with shared_engine(model) as engine:
        stream = engine.open()
        stream.start()
        for at in range(0, len(pcm), 640):
            stream.feed(pcm[at : at + 640])
        return (await stream.finish()).text


async def _ended(pid: int) -> None:
    """Wait until a process that isn't ours has ended."""
    loop, gone, fd = asyncio.get_running_loop(), asyncio.Event(), os.pidfd_open(pid)
    loop.add_reader(fd, gone.set)
    try:
        await asyncio.wait_for(gone.wait(), 60)
    finally:
        loop.remove_reader(fd)
        os.close(fd)


async def test_two_processes_share_it_and_each_hears_only_itself(
    shared: EngineProcess, model: LanguageModel, say: Say, recorded: bytes, tmp_path: Path
) -> None:
    pid = shared.pid
    async with _two(model, tmp_path, recorded, say("turn it up")) as (a, b):
        for _ in range(2):
            await asyncio.gather(a.begin(), b.begin())
            assert list(await asyncio.gather(a.end(), b.end())) == ["what time is it", "turn it up"]
        assert _children(a.process.pid) == _children(b.process.pid) == []
    assert (shared.pid, shared.restarts) == (pid, 0)


def _children(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in children.read_text().split()] if children.exists() else []


async def test_its_death_in_mid_sentence_costs_no_process_its_sentence(
    shared: EngineProcess, model: LanguageModel, say: Say, recorded: bytes, tmp_path: Path
) -> None:
    pid, path = shared.pid, shared.path
    assert pid is not None
    async with _two(model, tmp_path, recorded, say("turn it up")) as (a, b):
        await asyncio.gather(a.begin(), b.begin())
        os.kill(pid, signal.SIGKILL)
        assert list(await asyncio.gather(a.end(), b.end())) == ["what time is it", "turn it up"]
    assert (shared.path, shared.restarts) == (path, 1)
    assert shared.pid not in {pid, None}


async def test_one_that_hangs_is_replaced(model: LanguageModel) -> None:
    paths = map(str, (model.arpa, model.dictionary, model.acoustic))
    process = EngineProcess(
        "recogniser", "s", "gateway.speech.sphinx_worker", *paths, ping_seconds=0.1, hung_seconds=2
    )
    await process.start()
    pid = process.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    await _ended(pid)
    async with _raw(process.path):
        assert process.pid not in {pid, None}
    await process.stop()


async def test_a_process_that_is_killed_takes_nothing_with_it(
    shared: EngineProcess, model: LanguageModel, say: Say, recorded: bytes, tmp_path: Path
) -> None:
    async with _two(model, tmp_path, recorded, say("turn it up")) as (a, b):
        await asyncio.gather(a.begin(), b.begin())
        a.process.kill()
        assert await b.end() == "turn it up"
    assert shared.restarts == 0


async def test_clients_that_are_gone_leave_their_decoders(
    shared: EngineProcess, model: LanguageModel, recorded: bytes
) -> None:
    for _ in range(MAX_DECODERS):
        async with _raw(shared.path) as (reader, writer):
            writer.write(Message(Kind.START, 1, 1).encode() + Message(Kind.PING).encode())
            await asyncio.wait_for(reader.readexactly(HEADER.size), 60)
    assert await _heard(model, recorded) == "what time is it"


async def _flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for number in range(1 << 32):
        stream = number % 100
        writer.write(Message(Kind.START, stream, number).encode())
        writer.write(Message(Kind.AUDIO, stream, number, os.urandom(MAX_PAYLOAD)).encode())
        writer.write(Message(Kind.END, stream, number).encode())
        await writer.drain()


async def _never_read(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ask and ask, until the connection is cut."""
    cast("asyncio.ReadTransport", writer.transport).pause_reading()
    with suppress(ConnectionError):
        while True:
            writer.write(Message(Kind.END, 1, 1).encode() * 100)
            await writer.drain()


async def _garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(_RNG.randbytes(100_000))
    assert await reader.read() == b""


async def _odd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Well framed, and nothing that anybody sane says."""
    for _ in range(500):
        kind, stream, number = _RNG.choice(list(Kind)), _RNG.choice([0, 1, 2**32 - 1]), _RNG.choice([0, 1])
        payload = _RNG.randbytes(_RNG.choice([0, 1, 3, 641, 6_401]))
        writer.write(Message(kind, stream, number, payload).encode())
    writer.write_eof()
    await reader.read()


@pytest.mark.parametrize("harm", [_never_read, _garbage, _odd])
async def test_what_one_client_does_harms_no_other(
    harm: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    shared: EngineProcess,
    model: LanguageModel,
    say: Say,
) -> None:
    async with _raw(shared.path) as (reader, writer):
        speech = say("what is twelve times seven")
        heard, _ = await asyncio.gather(_heard(model, speech), asyncio.wait_for(harm(reader, writer), 60))
        assert heard == "what is twelve times seven"
        assert await _heard(model, say("turn it up")) == "turn it up"
    assert shared.restarts == 0


async def test_a_flood_drowns_nobody_else(shared: EngineProcess, model: LanguageModel, say: Say) -> None:
    async with _raw(shared.path) as (reader, writer):
        flood = asyncio.create_task(_flood(reader, writer))
        assert await _heard(model, say("what is twelve times seven")) == "what is twelve times seven"
        assert not flood.done()
        flood.cancel()
    assert shared.restarts == 0


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for a stranger's end")
async def test_it_ends_with_a_holder_that_is_killed(model: LanguageModel) -> None:
    async with _run("tests.speech.holder", model) as holder:
        assert holder.stdout is not None
        pid, path = (await asyncio.wait_for(holder.stdout.readline(), 60)).decode().split()
        ended = asyncio.create_task(_ended(int(pid)))
        await asyncio.sleep(0)
        holder.kill()
        await ended
    assert not Path(path).parent.exists()


async def test_nobody_else_may_enter_its_directory(shared: EngineProcess) -> None:
    assert shared.path.parent.stat().st_mode & 0o777 == 0o700


async def test_nothing_is_left_of_one_that_was_stopped(model: LanguageModel) -> None:
    async with held_recogniser(model) as process:
        assert engine_socket("recogniser") == process.path
    assert engine_socket("recogniser") is None
    assert not process.path.parent.exists()


async def test_another_model_has_a_recogniser_of_its_own(
    shared: EngineProcess, model: LanguageModel, tmp_path: Path, recorded: bytes
) -> None:
    home = shutil.copytree(model.arpa.parent, tmp_path / "other")
    other = replace(model, arpa=home / model.arpa.name, dictionary=home / model.dictionary.name)
    assert shared.pid is not None
    os.kill(shared.pid, signal.SIGSTOP)
    assert await _heard(other, recorded) == "what time is it"


async def test_one_that_was_announced_and_is_gone_is_done_without(
    model: LanguageModel, recorded: bytes, tmp_path: Path
) -> None:
    with engine_announced("recogniser", tmp_path / model.arpa.parent.name):
        assert await _heard(model, recorded) == "what time is it"
