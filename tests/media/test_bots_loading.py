"""A bot's module: imported once, prepared by a process of its own, or known to fail."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from gateway.errors import BotFailed, ConfigError
from gateway.media.bots import BotProcess, Bots
from gateway.settings import Settings
from tests.media.running import BAD, BOT, begin, looked, running, template, told
from tests.support.gateway import ROOT, alive
from tests.support.waiting import PATIENCE, until


@pytest.mark.parametrize(
    ("settings", "again"),
    [
        (Settings(bot=BAD), False),
        (Settings(bot=BAD), True),
        (Settings(bot=BOT, bots={"kitchen": BAD}), False),
    ],
)
async def test_a_bot_that_can_not_be_loaded_is_an_error_at_start(settings: Settings, *, again: bool) -> None:
    with pytest.raises(ConfigError, match="does not import") as caught:
        async with running(settings, again=again):
            pass
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("source", "how"),
    [
        ("import sys\nsys.exit(2)\n", "ends while it is imported"),
        ("import os\nos._exit(2)\n", "exit status 2"),
    ],
)
async def test_a_bot_whose_import_ends_the_process_is_left_out(tmp_path: Path, source: str, how: str) -> None:
    bad = tmp_path / "ends.py"
    bad.write_text(source)
    async with running(Settings(bot=BOT, bots={"kitchen": str(bad)}), again=True) as bots:
        with pytest.raises(ConfigError, match=how):
            await begin(bots, "look", bot=str(bad))
        assert await looked(bots)


SLOW = """
import time
from pathlib import Path
while (Path(__file__).parent / "slow").exists():
    time.sleep(0.01)
async def bot(runner_args): pass
"""


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A bot whose import takes as long as a file lies beside it."""
    path = tmp_path / "slow_import.py"
    path.write_text(SLOW)
    return path


async def kill_in_import(bots: Bots, bot: Path, times: int) -> None:
    known, killed = bots._bots[str(bot)], set[int]()

    def is_imported() -> bool:
        return bots._loading is known and template(bots) not in killed

    for _ in range(times):
        await until(is_imported, "it is imported")
        killed.add(template(bots))
        os.kill(template(bots), signal.SIGKILL)
    await until(lambda: known.error is not None, "it is left out for a while")


async def test_a_bot_that_is_killed_in_its_import_is_tried_again(
    slow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.media.bots.LEFT_OUT_SECONDS", (0.0, 0.0, 5.0))
    monkeypatch.setattr("gateway.media.bots.RESTART_SECONDS", (0.0,))
    async with running(Settings(bot=str(slow))) as bots:
        (slow.parent / "slow").touch()
        os.kill(template(bots), signal.SIGKILL)
        await kill_in_import(bots, slow, 3)
        with pytest.raises(BotFailed, match="SIGKILL"):
            bots.check(str(slow))
        (slow.parent / "slow").unlink()
        assert json.loads(await told(await begin_once_tried(bots, slow)))["pid"]


async def test_where_no_bot_can_be_run_the_start_tells_why(tmp_path: Path) -> None:
    """What bots share may be another version than was tested, in an environment that somebody has added to."""
    (tmp_path / "voicegw_broken_runner.py").write_text("import voicegw_is_not_here\n")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
        bots = Bots(Settings(bot="echo"), runner="voicegw_broken_runner")
        with pytest.raises(ConfigError, match=r"no bot can be run: .*voicegw_is_not_here") as caught:
            await bots.start()
    assert "requirements.lock" in caught.value.remedy


async def test_a_bot_whose_import_has_no_end_is_told_as_that(
    slow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.media.bots.LOAD_SECONDS", 0.01)
    (slow.parent / "slow").touch()
    with pytest.raises(BotFailed, match=r"is not imported within 0\.01 s") as caught:
        async with running(Settings(bot=str(slow))):
            pass
    assert "__main__" in caught.value.remedy


async def test_a_bot_that_is_left_out_for_a_while_ends_no_call_of_another(
    slow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.media.bots.LEFT_OUT_SECONDS", (3_600.0,))
    monkeypatch.setattr("gateway.media.bots.RESTART_SECONDS", (0.0,))
    monkeypatch.setattr("gateway.media.bots.IDLE_LOOK_SECONDS", 0.01)
    async with running(Settings(bot=BOT, bots={"kitchen": str(slow)})) as bots:
        (slow.parent / "slow").touch()
        os.kill(template(bots), signal.SIGKILL)
        await kill_in_import(bots, slow, 1)
        (slow.parent / "slow").unlink()
        process = await begin(bots, "wait")
        bots._bots[str(slow)].left_out_until = 0.0
        before = template(bots)
        bots._renew()  # its time has come
        looks = bots._renewal
        await until(lambda: bots._renewal is not looks, "it has looked again")
        assert template(bots) == before
        assert not process.ended.done()
        process.kill()
        assert json.loads(await told(await begin_once_tried(bots, slow)))["pid"]
        assert await looked(bots)


async def begin_once_tried(bots: Bots, bot: Path) -> BotProcess:
    await until(lambda: bots._bots[str(bot)].error is None, "it is tried again")
    return await begin(bots, "look", bot=str(bot))


async def test_a_bot_in_no_setting_is_refused() -> None:
    async with running() as bots:
        with pytest.raises(ConfigError, match="in no setting"):
            await begin(bots, "look", bot="other")


PREPARED = """
import asyncio, contextlib, os
from pathlib import Path
from gateway.errors import ConfigError

@contextlib.asynccontextmanager
async def prepared(settings):
    here = Path(__file__).parent
    with (here / "prepared").open("a") as file:
        file.write(f"{os.getpid()}\\n")
    if (here / "fail").exists():
        raise ConfigError("there is no model", remedy="install it")
    os.environ["VOICEGW_TEST"] = str(os.getpid())
    yield
    (here / "left").touch()

async def bot(runner_args):
    pass
"""


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    path = tmp_path / "prepared_bot.py"
    path.write_text(PREPARED)
    return path


def engines(bot: Path) -> list[int]:
    """The processes that have prepared the bot, in order."""
    return [int(pid) for pid in (bot.parent / "prepared").read_text().split()]


@pytest.mark.parametrize("forks", [True, False])
async def test_what_a_bot_needs_is_held_by_a_process_of_its_own(prepared: Path, forks: bool) -> None:
    async with running(Settings(bot=str(prepared)), forks=forks) as bots:
        process = await begin(bots, "look", bot=str(prepared))
        seen = json.loads(await told(process))
        (pid,) = engines(prepared)
        assert pid not in {process.pid, template(bots)}
        assert seen["environment"] == {"VOICEGW_TEST": str(pid)}
    assert (prepared.parent / "left").exists()
    await until(lambda: not alive(pid), "what it needed has ended")


async def test_what_a_bot_needs_is_there_again_after_a_crash_and_the_calls_go_on(prepared: Path) -> None:
    async with running(Settings(bot=str(prepared))) as bots:
        process = await begin(bots, "wait", bot=str(prepared))
        os.kill(engines(prepared)[0], signal.SIGKILL)
        await until(lambda: len(engines(prepared)) == 2, "they are prepared again")
        assert not process.ended.done()

        async def environment() -> str:
            seen = json.loads(await told(await begin(bots, "look", bot=str(prepared))))
            return str(seen["environment"]["VOICEGW_TEST"])

        while await environment() != str(engines(prepared)[1]):
            pass


async def test_what_can_not_be_prepared_is_an_error_at_start(prepared: Path) -> None:
    (prepared.parent / "fail").touch()
    with pytest.raises(ConfigError, match="there is no model") as caught:
        async with running(Settings(bot=str(prepared))):
            pass
    assert caught.value.remedy == "install it"


async def test_a_bot_may_have_opened_a_file_when_it_was_imported(tmp_path: Path) -> None:
    (tmp_path / "journal").touch()
    bot = tmp_path / "opens_a_file.py"
    bot.write_text(
        "from pathlib import Path\n"
        "journal = (Path(__file__).parent / 'journal').open('a')\n"
        "async def bot(runner_args): pass\n"
    )
    async with running(Settings(bot=str(bot))) as bots:
        seen = json.loads(await told(await begin(bots, "look", bot=str(bot))))
    assert str(tmp_path / "journal") in seen["descriptors"].values()


async def test_what_calls_can_share_is_made_once_and_before_them(tmp_path: Path) -> None:
    bot = tmp_path / "preloads.py"
    bot.write_text(
        "import os\n"
        "def preload(settings): os.environ['VOICEGW_BY'] = f'{os.getpid()} {settings.volume}'\n"
        "async def bot(runner_args): pass\n"
    )
    async with running(Settings(bot=str(bot), volume=33)) as bots:
        seen = json.loads(await told(await begin(bots, "look", bot=str(bot))))
        assert seen["environment"]["VOICEGW_BY"] == f"{template(bots)} 33"


@pytest.mark.parametrize("forks", [True, False], ids=["forked", "spawned"])
async def test_each_bot_finds_what_lies_beside_its_own_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forks: bool
) -> None:
    files = {}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "helpers.py").write_text(f"WHOSE = {name!r}\n")
        files[name] = str(tmp_path / name / "bot.py")
        Path(files[name]).write_text("import helpers\nasync def bot(runner_args): ...\n")
    monkeypatch.chdir("/")
    async with running(Settings(bot=files["one"], bots={"d": files["two"]}), forks=forks) as bots:
        for name, file in files.items():
            process = await begin(bots, "beside", bot=file, file=file)
            assert json.loads((await told(process)).splitlines()[0]) == name
            await process.ended
            process.sock.close()


POOL = """
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(1)
assert pool.submit(int).result() == 0
async def bot(runner_args): return pool.submit(int, "7").result(10)
"""
SPAWN = """
import multiprocessing
def double(number): return 2 * number
async def bot(runner_args):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply_async(double, [3]).get(60) + 1
"""
SINK = """
import sys
from loguru import logger
logger.remove(0)
logger.add(sys.stderr, level="DEBUG")
async def bot(runner_args): return 7
"""
FOLDER = """
import os
from pathlib import Path
os.chdir(Path(__file__).parent)
Path("seven").write_text("7")
async def bot(runner_args): return int(Path("seven").read_text())
"""
STREAMS = """
import sys
class Lines:
    def write(self, text): return len(text)
sys.stdout, sys.stderr = Lines(), None
async def bot(runner_args): return 7 if isinstance(sys.stdout, Lines) else 0
"""
CLOSED = """
import sys
sys.stdout.close()
sys.stderr.close()
async def bot(runner_args): return 7
"""


@pytest.mark.parametrize(
    "code",
    [POOL, SPAWN, SINK, FOLDER, STREAMS, CLOSED],
    ids=["pool", "spawn", "sink", "folder", "streams", "closed"],
)
async def test_what_a_bot_does_in_its_import_holds_in_its_calls(tmp_path: Path, code: str) -> None:
    files = [tmp_path / name / "bot.py" for name in ("one", "two")]
    for file in files:
        file.parent.mkdir()
        file.write_text(code)
    async with running(Settings(bot=str(files[0]), bots={"d": str(files[1])})) as bots:
        for file in files:
            process = await begin(bots, "call", bot=str(file), file=str(file))
            assert await asyncio.wait_for(told(process), PATIENCE) == "7\n"
            await process.ended
            process.sock.close()
