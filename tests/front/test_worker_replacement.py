"""A worker that fails is replaced, whatever it failed of; one that is well is left alone."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from unittest import mock

import pytest
from loguru import logger

from gateway.errors import GatewayError
from gateway.front.places import workers
from gateway.front.places.process import Process
from gateway.front.places.workers import Workers
from gateway.sections import Limits
from gateway.settings import Settings
from gateway.wire.calls import SessionEvent
from tests.support.gateway import BOTS, ROOT, alive, children, command_line, serving
from tests.support.waiting import until


def nothing(_number: int, _event: SessionEvent) -> None:
    """What a test does with events that it does not look at."""


@pytest.fixture(autouse=True)
def _from_this_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Process]:
    process = Process(0, settings, nothing)
    try:
        await process.start()
        yield process
    finally:
        await process.kill()


def pid(process: Process) -> int:
    assert process._process is not None
    return process._process.pid


async def test_what_a_dead_worker_had_started_is_killed(tmp_path: Path) -> None:
    bot = tmp_path / "starts_a_child.py"
    bot.write_text(
        "import subprocess\nsubprocess.Popen(['sleep', '1000'])\nfrom gateway.bots.echo import bot\n"
    )
    async with running(Settings(bot=str(bot))) as process:
        (template,) = children(pid(process))
        (child,) = (p for p in children(template) if b"sleep" in command_line(p))
        os.kill(pid(process), signal.SIGKILL)
        await until(lambda: process.fault() is not None, "the worker is missed")
        assert alive(child)
        await process.kill()
    await until(lambda: not alive(child), "its child is dead")


async def test_the_log_tells_how_a_worker_ended() -> None:
    said: list[str] = []
    sink = logger.add(lambda message: said.append(message.record["message"]), level="ERROR")
    found = Workers(Settings(bot="echo"), nothing)
    await found.start()
    try:
        os.kill(pid(found._processes[0]), signal.SIGKILL)
        await until(lambda: bool(said), "it is told")
    finally:
        await found.stop()
        logger.remove(sink)
    assert said[0] == "worker 0 died (SIGKILL); its 0 calls are lost"


async def test_a_bot_that_is_slow_to_import_does_not_count_as_blocked(tmp_path: Path) -> None:
    bot = tmp_path / "slow.py"
    bot.write_text("import time\ntime.sleep(0.5)\nfrom gateway.bots.echo import bot\n")
    async with running(Settings(bot=str(bot), limits=Limits(media_silence_s=0.4))) as process:
        assert process.fault() is None


async def test_a_worker_that_could_not_be_started_is_a_fault() -> None:
    process = Process(0, Settings(), nothing)
    with (
        mock.patch("asyncio.create_subprocess_exec", side_effect=OSError("too many open files")),
        pytest.raises(OSError, match="too many"),
    ):
        await process.start()
    assert process.fault() == "could not be started"


async def test_a_call_that_was_given_up_here_is_lost_with_its_worker() -> None:
    lost: list[SessionEvent] = []
    pool = Workers(Settings(), lambda _, event: lost.append(event))
    process = Process(0, Settings(), nothing)
    process._take("session", {"kind": "session", "session_id": "s1", "data": {}})
    pool._lose_sessions(process)
    assert [(e.session_id, e.data) for e in lost] == [("s1", {"reason": "worker_lost"})]


class Fake:
    """A process that does as a test says."""

    made: list[Fake]
    faults: list[str | None]
    starts: list[Exception | None]

    def __init__(self, *_: object) -> None:
        self.sessions: set[str] = set()
        self.ready = True
        self.excused = 0.0
        Fake.made.append(self)

    async def start(self, *, again: bool = False) -> None:
        assert again == (len(Fake.made) > 1)
        error = Fake.starts.pop(0) if Fake.starts else None
        if error is not None:
            raise error

    def fault(self) -> str | None:
        return Fake.faults.pop(0) if Fake.faults else None

    def excuse(self, seconds: float) -> None:
        self.excused += seconds

    async def kill(self) -> None:
        pass

    async def settled(self, fault: str) -> str:
        return fault

    stop = kill


@pytest.fixture
def fake() -> Iterator[type[Fake]]:
    Fake.made, Fake.faults, Fake.starts = [], [], []
    with mock.patch.multiple(workers, Process=Fake, RESTART_SECONDS=(0.0,)):
        yield Fake


@asynccontextmanager
async def pool() -> AsyncIterator[Workers]:
    found = Workers(Settings(), nothing)
    await found.start()
    yield found
    await found.stop()


@pytest.mark.parametrize("error", [GatewayError("prepare failed"), OSError("no memory")])
async def test_a_restart_that_fails_is_tried_again(fake: type[Fake], error: Exception) -> None:
    fake.starts = [None, error]
    fake.faults = ["died", "could not be started"]
    async with pool():
        await until(lambda: len(fake.made) == 3, "it was started three times")


async def test_silence_while_the_front_itself_stood_still_is_excused(fake: type[Fake]) -> None:
    async with pool():
        await asyncio.sleep(0)
        time.sleep(2 * workers.CHECK_SECONDS + 0.1)  # noqa: ASYNC251 -- that is the fault
        await until(lambda: fake.made[0].excused > workers.CHECK_SECONDS, "it is excused")


async def test_what_a_bot_prints_stays_out_of_the_commands_own_output(tmp_path: Path) -> None:
    async with serving(tmp_path, {"bot": str(BOTS / "prints_at_import.py")}) as gateway:
        lines = (gateway.directory / "out").read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["listening"]
