"""What bots print and raise, and the limits that they meet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from loguru import logger

from gateway.errors import ConfigError
from gateway.media.bots import Bots
from gateway.media.printed import LONGEST_LINE
from gateway.sections import BotLimits
from gateway.settings import Settings
from gateway.wire.calls import Exit
from tests.media.running import BAD, BOT, begin, looked, running, spares, template, told
from tests.support.gateway import children
from tests.support.waiting import until

if TYPE_CHECKING:
    from loguru import Message


@pytest.fixture
def log() -> Iterator[list[str]]:
    """The lines of this process's log."""
    lines: list[str] = []

    def note(told: Message) -> None:
        record = told.record
        trace = "\n".join(record["extra"]["relayed"].trace) if "relayed" in record["extra"] else ""
        lines.append(f"{record['extra']['session']} {record['level'].name} {record['message']}{trace}")

    logger.remove()  # what the gateway has set up in this process before takes the trace out of a record
    logger.add(note)
    logger.configure(extra={"session": "-"})
    yield lines
    logger.remove()


async def test_what_a_bot_prints_is_logged_within_bounds(bots: Bots, log: list[str]) -> None:
    process = await begin(bots, "print", bytes=10_000_000)
    assert await told(process) == '"printed"\n'
    await process.ended
    await until(lambda: "s-print INFO the last line" in log, "it is all read")
    assert "s-print INFO a line" in log
    assert any("\x00\x01" in line for line in log)
    assert any("\\xfe\\xff" in line for line in log)
    (long,) = [line for line in log if "xxxxx" in line]
    assert len(long) < LONGEST_LINE + 100
    assert long.endswith(" …")


async def test_what_a_bot_raises_is_logged_with_its_traceback_and_session(bots: Bots, log: list[str]) -> None:
    process = await begin(bots, "raise")
    await process.ended
    await until(lambda: any("Traceback" in line for line in log), "it is logged")
    (line,) = [line for line in log if "Traceback" in line]
    assert line.startswith("s-raise ERROR bot ")
    assert line.endswith("ValueError: no such voice")


async def test_a_bot_that_eats_memory_meets_its_limit(log: list[str]) -> None:
    async with running(Settings(bot=BOT, bot_limits=BotLimits(memory_mb=128))) as bots:
        process = await begin(bots, "eat")
        assert await process.ended == Exit(how="raised", detail="MemoryError: ")
    assert any(line.startswith("s-eat ERROR") for line in log)


async def test_a_bot_has_its_limits() -> None:
    async with running(Settings(bot=BOT, bot_limits=BotLimits(files=99))) as bots:
        seen = await looked(bots)
    assert seen["files"] == [99, 99]
    assert 0 <= seen["core"][0] <= 1  # of one byte nothing is written, nor piped to a program


async def test_a_bot_that_starts_too_many_processes_is_ended_with_them() -> None:
    async with running(Settings(bot=BOT, bot_limits=BotLimits(processes=5))) as bots:
        process = await begin(bots, "swarm", count=6)
        assert await process.ended == Exit(how="killed", detail="SIGKILL: it ran more than 5 processes")
        assert process.pid is not None
        await until(lambda: children(template(bots)) == spares(bots), "only a spare is left")


async def test_a_bot_that_starts_a_thread_when_it_is_imported_is_told_of(
    tmp_path: Path, log: list[str]
) -> None:
    bot = tmp_path / "thread.py"
    bot.write_text(
        "import threading\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "async def bot(runner_args): pass\n"
    )
    async with running(Settings(bot=str(bot))):
        await until(lambda: any("starts 1 threads in its import" in line for line in log), "it is logged")


async def test_a_bot_that_is_broken_meanwhile_leaves_the_others_alone(log: list[str]) -> None:
    async with running(Settings(bot=BOT, bots={"kitchen": BAD}), again=True) as bots:
        assert any("does_not_import.py" in line for line in log)
        with pytest.raises(ConfigError, match="does not import"):
            await begin(bots, "look", bot=BAD)
        assert await looked(bots)
