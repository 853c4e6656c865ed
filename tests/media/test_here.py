from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.media.here import BotsHere
from gateway.settings import Settings
from gateway.wire.calls import BotJob, Exit


@pytest.mark.parametrize(("own", "then"), [(None, "1"), ("0", "0")])
async def test_what_a_bot_imports_tells_nobody_unless_the_user_wants_it(
    monkeypatch: pytest.MonkeyPatch, own: str | None, then: str
) -> None:
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    monkeypatch.delenv("PIPECAT_SETUP_FILES", raising=False)
    if own is not None:
        monkeypatch.setenv("ORT_DISABLE_TELEMETRY", own)
    bots = BotsHere(Settings(bot="echo"))
    await bots.start()
    assert os.environ["ORT_DISABLE_TELEMETRY"] == then
    await bots.stop()


FAILS = """
async def bot(runner_args): raise ValueError("\\udcff.wav")
"""
EXITS = """
import sys
async def bot(runner_args): sys.exit("no key")
"""
STORAGE = """
async def create_file_storage(): ...
async def bot(runner_args): ...
"""


@pytest.mark.parametrize(
    ("code", "how", "says"),
    [
        (FAILS, "raised", "ValueError: ?.wav"),
        (STORAGE, "raised", "TypeError: create_file_storage() must be synchronous"),
        (EXITS, "exited", "exit status no key"),
    ],
    ids=["fails", "storage", "exits"],
)
async def test_a_bot_that_fails_leaves_nothing_in_the_process_that_others_share(
    tmp_path: Path, code: str, how: Any, says: str
) -> None:
    (tmp_path / "bot.py").write_text(code)
    before = asyncio.all_tasks()
    job = BotJob(session_id="s1", bot=str(tmp_path / "bot.py"), device=None, pc_id="p1")
    bot = await BotsHere(Settings()).begin(job)
    assert await asyncio.wait_for(bot.ended, 10) == Exit(how=how, detail=says)
    assert asyncio.all_tasks() == before
    bot.sock.close()
