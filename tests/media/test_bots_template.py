"""The template: what ends with it, and with the media process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from gateway.errors import BotFailed, ConfigError
from gateway.media.bots import Bots
from gateway.sections import BotLimits
from gateway.settings import Settings
from gateway.wire.calls import Exit
from tests.media.running import BOT, begin, looked, running, template, told
from tests.support.gateway import ROOT, alive, children, environment
from tests.support.waiting import eventually, until


async def test_bots_end_with_the_template_and_a_new_one_takes_over(bots: Bots) -> None:
    process = await begin(bots, "start others")
    others = [int(pid) for pid in (await told(process)).split()]
    os.kill(template(bots), signal.SIGKILL)
    assert await process.ended == Exit(how="killed", detail="the template of the bots ended (SIGKILL)")
    assert process.pid is not None
    pid = process.pid
    await until(lambda: not alive(pid) and not alive(others[0]), "the bot and its group are gone")
    assert (await looked(bots))["pid"]
    for other in others[1:]:  # no kernel or process knows whose they were
        os.kill(other, signal.SIGKILL)


async def test_a_template_that_does_not_answer_is_replaced() -> None:
    async with running(Settings(bot=BOT, bot_limits=BotLimits(start_s=5.0))) as bots:
        os.kill(stopped := template(bots), signal.SIGSTOP)
        with pytest.raises(BotFailed, match="no process for the bot within 5 s"):
            await begin(bots, "look")
        await eventually(lambda: _answers(bots), "another one takes its place")
        assert not alive(stopped)


async def _answers(bots: Bots) -> bool:
    try:
        return bool(await looked(bots))
    except BotFailed:  # on a slow machine that one may need longer, too
        return False


async def test_nothing_is_left_once_the_media_process_has_closed(bots: Bots) -> None:
    process = await begin(bots, "start others")
    others = [int(pid) for pid in (await told(process)).split()]
    family = [template(bots), *children(template(bots)), *others]
    await bots.stop()
    assert (await process.ended).how == "killed"
    await until(lambda: not any(alive(pid) for pid in family), "all are gone")


MEDIA = """
import asyncio, sys
from gateway.media.bots import Bots
from gateway.media.printed import LONGEST_LINE
from gateway.settings import Settings
from gateway.wire.calls import BotJob

async def main(bot):
    bots = Bots(Settings(bot=bot), runner="tests.support.bot_runner")
    await bots.start()
    job = BotJob(session_id="s", bot=bot, body={"do": "start others"}, device=None, pc_id="p")
    process = await bots.begin(job)
    others = (await asyncio.get_running_loop().sock_recv(process.sock, 100)).decode().strip()
    print(bots._template._process.pid, process.pid, others, flush=True)
    await process.ended

asyncio.run(main(sys.argv[1]))
"""


async def test_nothing_is_left_once_the_media_process_is_killed() -> None:
    media = await asyncio.create_subprocess_exec(
        sys.executable, "-c", MEDIA, BOT, stdout=asyncio.subprocess.PIPE, env=environment()
    )
    assert media.stdout is not None
    family = [int(pid) for pid in (await media.stdout.readline()).split()]
    family += [pid for pid in children(family[0]) if pid not in family]
    assert all(alive(pid) for pid in family)
    media.kill()
    await media.wait()
    await until(lambda: not any(alive(pid) for pid in family), "all are gone")


async def test_no_bot_outlives_media_and_template_killed_at_once() -> None:
    media = await asyncio.create_subprocess_exec(
        sys.executable, "-c", MEDIA, BOT, stdout=asyncio.subprocess.PIPE, env=environment()
    )
    assert media.stdout is not None
    there, bot, *others = [int(pid) for pid in (await media.stdout.readline()).split()]
    os.kill(media.pid, signal.SIGSTOP)  # else it may come first
    os.kill(there, signal.SIGKILL)
    await until(lambda: not alive(bot), "it is gone")
    media.kill()
    await media.wait()
    for other in others:
        os.kill(other, signal.SIGKILL)


async def test_a_template_has_one_thread_whatever_numpy_and_onnxruntime_would_start(tmp_path: Path) -> None:
    bot = tmp_path / "imports.py"
    bot.write_text("import numpy, onnxruntime\nasync def bot(runner_args): pass\n")
    async with running(Settings(bot=str(bot))) as bots:
        assert len(list(Path(f"/proc/{template(bots)}/task").iterdir())) == 1


async def test_a_template_that_does_not_come_up_is_an_error_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    bots = Bots(Settings(bot=BOT), runner="tests.support.no_such_runner")
    with pytest.raises(ConfigError, match="no_such_runner"):
        await bots.start()
