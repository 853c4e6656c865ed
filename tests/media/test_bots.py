"""Bots in processes of their own, forked from a real template: how each ends, and what is left of it."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from loguru import logger

from gateway.errors import BotFailed, ConfigError
from gateway.media.bots import BotProcess, Bots
from gateway.media.printed import LONGEST_LINE
from gateway.sections import BotLimits
from gateway.settings import Settings
from gateway.wire.calls import BotJob, Exit
from tests.support.gateway import BOTS, ROOT, alive, children
from tests.support.waiting import until

if TYPE_CHECKING:
    from loguru import Message

RUNNER = "tests.support.bot_runner"
BOT = str(BOTS / "process.py")
BAD = str(BOTS / "does_not_import.py")


@pytest.fixture(autouse=True)
def _from_this_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def log() -> Iterator[list[str]]:
    """The lines of this process's log."""
    lines: list[str] = []

    def note(told: Message) -> None:
        record = told.record
        trace = "\n".join(record["extra"]["relayed"].trace) if "relayed" in record["extra"] else ""
        lines.append(f"{record['extra']['session']} {record['level'].name} {record['message']}{trace}")

    number = logger.add(note)
    logger.configure(extra={"session": "-"})
    yield lines
    logger.remove(number)


@asynccontextmanager
async def running(
    settings: Settings | None = None, *, forks: bool = True, again: bool = False
) -> AsyncIterator[Bots]:
    bots = Bots(settings or Settings(bot=BOT), runner=RUNNER, forks=forks)
    try:
        await bots.start(again=again)
        yield bots
    finally:
        await bots.stop()


async def begin(bots: Bots, do: str, *, bot: str = BOT, **body: Any) -> BotProcess:
    job = BotJob(session_id=f"s-{do}", bot=bot, body={"do": do, **body}, device=None, pc_id="p")
    return await bots.begin(job)


async def told(process: BotProcess) -> str:
    """A line that the bot sends."""
    data = b""
    while not data.endswith(b"\n"):
        data += (more := await asyncio.get_running_loop().sock_recv(process.sock, 1 << 16))
        assert more, f"the bot closed after {data!r}"
    return data.decode()


async def looked(bots: Bots) -> dict[str, Any]:
    """What a bot sees of its process; it has ended by then."""
    process = await begin(bots, "look")
    seen: dict[str, Any] = json.loads(await told(process))
    await process.ended
    process.sock.close()
    return seen


def template(bots: Bots) -> int:
    """The process id of the template."""
    assert bots._template is not None
    assert bots._template._process is not None
    return bots._template._process.pid


@pytest.fixture(params=[True, False], ids=["forked", "spawned"])
async def bots(request: pytest.FixtureRequest) -> AsyncIterator[Bots]:
    async with running(forks=request.param) as bots:
        yield bots


@pytest.mark.parametrize(
    ("do", "body", "expected"),
    [
        ("return", {}, Exit(how="returned")),
        ("raise", {}, Exit(how="raised", detail="ValueError: no such voice")),
        ("exit", {"status": 3}, Exit(how="exited", detail="exit status 3")),
        ("sys.exit", {"status": 4}, Exit(how="exited", detail="exit status 4")),
        ("crash", {}, Exit(how="killed", detail="SIGSEGV")),
        ("close descriptors", {}, Exit(how="raised", detail="what it raised is in the log")),
    ],
)
async def test_how_a_bot_ends_is_told(bots: Bots, do: str, body: dict[str, Any], expected: Exit) -> None:
    process = await begin(bots, do, **body)
    assert await process.ended == expected
    assert (await looked(bots))["pid"] != process.pid  # and the next has a process


async def test_a_bot_with_the_gil_in_its_hand_ends_when_it_is_told_to(bots: Bots) -> None:
    process = await begin(bots, "hold the gil")
    assert await told(process) == "holding\n"
    process.terminate()
    assert await process.ended == Exit(how="killed", detail="SIGTERM")


async def test_a_bot_that_does_not_heed_sigterm_is_killed(bots: Bots) -> None:
    process = await begin(bots, "ignore sigterm")
    assert await told(process) == "waiting\n"
    process.terminate()
    process.kill()
    assert await process.ended == Exit(how="killed", detail="SIGKILL: by the gateway")


async def test_a_signal_for_a_bot_that_has_ended_goes_nowhere(bots: Bots) -> None:
    process = await begin(bots, "return")
    await process.ended
    process.terminate()
    process.kill()
    assert (await looked(bots))["pid"] != process.pid


@pytest.mark.parametrize("crash", [False, True])
async def test_what_a_bot_has_started_ends_with_it(bots: Bots, crash: bool) -> None:
    process = await begin(bots, "start others", crash=crash)
    others = [int(pid) for pid in (await told(process)).split()]
    assert len(others) == 3
    assert all(alive(pid) for pid in others)
    process.sock.send(b"\n")
    await process.ended
    await until(lambda: not any(alive(pid) for pid in others), "they are gone")


async def test_another_bot_lives_on_with_what_it_has_started() -> None:
    async with running() as bots:
        one, other = await begin(bots, "start others"), await begin(bots, "start others")
        others = [int(pid) for pid in (await told(other)).split()]
        await told(one)
        one.kill()
        await one.ended
        await looked(bots)
        assert all(alive(pid) for pid in others)
        assert not other.ended.done()


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


async def test_a_bot_sees_nothing_of_the_other_calls(bots: Bots) -> None:
    others = [await begin(bots, "wait") for _ in range(3)]
    seen = await looked(bots)
    *standard, sock, control = seen["descriptors"].values()
    assert len(standard) == 3
    assert standard[0] == "/dev/null"
    assert standard[1] == standard[2]
    assert standard[1].startswith("pipe:")
    assert sock.startswith("socket:")
    assert control.startswith("socket:")
    for other in others:
        other.kill()
        other.sock.close()


async def test_a_bot_begins_with_a_process_as_python_makes_it(bots: Bots) -> None:
    seen = await looked(bots)
    assert seen["pid"] == seen["group"] == seen["session"]
    assert seen["mask"] == []
    assert seen["handlers"]["SIGTERM"] == seen["handlers"]["SIGCHLD"] == str(int(signal.SIG_DFL))
    assert "default_int_handler" in seen["handlers"]["SIGINT"]


async def test_each_bot_has_a_randomness_of_its_own(bots: Bots) -> None:
    one, other = await looked(bots), await looked(bots)
    assert not set(one["random"]) & set(other["random"])


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


def spares(bots: Bots) -> list[int]:
    """The children of the template, but for those that have a job."""
    busy = {p.pid for p in bots._processes.values()}
    return [pid for pid in children(template(bots)) if pid not in busy and "sleep" not in command(pid)]


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


async def test_a_call_takes_the_spare_and_another_takes_its_place(bots: Bots) -> None:
    await until(lambda: len(spares(bots)) == 1, "there is a spare")
    (spare,) = spares(bots)
    process = await begin(bots, "wait")
    assert process.pid == spare
    await until(lambda: len(spares(bots)) == 1, "there is another")
    process.kill()


async def test_a_call_needs_no_spare(bots: Bots) -> None:
    processes = [await begin(bots, "wait") for _ in range(4)]
    assert len({p.pid for p in processes}) == 4
    for process in processes:
        process.kill()
        await process.ended


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


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


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
        sys.executable, "-c", MEDIA, BOT, stdout=asyncio.subprocess.PIPE
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
        sys.executable, "-c", MEDIA, BOT, stdout=asyncio.subprocess.PIPE
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
        await until(lambda: any("started 1 threads" in line for line in log), "it is logged")


async def test_a_bot_that_is_broken_meanwhile_leaves_the_others_alone(log: list[str]) -> None:
    async with running(Settings(bot=BOT, bots={"kitchen": BAD}), again=True) as bots:
        assert any("does_not_import.py" in line for line in log)
        with pytest.raises(ConfigError, match="does not import"):
            await begin(bots, "look", bot=BAD)
        assert await looked(bots)


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
    [("import sys\nsys.exit(2)\n", "SystemExit"), ("import os\nos._exit(2)\n", "exit status 2")],
)
async def test_a_bot_whose_import_ends_the_process_is_left_out(tmp_path: Path, source: str, how: str) -> None:
    bad = tmp_path / "ends.py"
    bad.write_text(source)
    async with running(Settings(bot=BOT, bots={"kitchen": str(bad)}), again=True) as bots:
        with pytest.raises(ConfigError, match=how):
            await begin(bots, "look", bot=str(bad))
        assert await looked(bots)


async def test_a_bot_in_no_setting_is_refused() -> None:
    async with running() as bots:
        with pytest.raises(ConfigError, match="in no setting"):
            await begin(bots, "look", bot="other")


async def test_a_template_that_does_not_come_up_is_an_error_at_start() -> None:
    bots = Bots(Settings(bot=BOT), runner="tests.support.no_such_runner")
    with pytest.raises(BotFailed, match="ended"):
        await bots.start()


async def test_a_call_given_up_while_it_begins_leaves_no_process() -> None:
    async with running() as bots:
        beginning = asyncio.create_task(begin(bots, "wait"))
        while not bots._processes:  # noqa: ASYNC110 -- it must not get as far as an answer
            await asyncio.sleep(0)
        beginning.cancel()
        with pytest.raises(asyncio.CancelledError):
            await beginning
        await until(lambda: not bots._processes, "it has ended")


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
