"""Bots in processes of their own, forked from a real template: what each finds and how it ends."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.media.bots import Bots
from gateway.wire.calls import Exit
from tests.media.running import begin, looked, running, told
from tests.support.gateway import alive
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[True, False], ids=["forked", "spawned"])
async def bots(request: pytest.FixtureRequest) -> AsyncIterator[Bots]:
    """Those of one template, as in a media process."""
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


async def test_what_a_bot_has_registered_for_its_end_is_done(bots: Bots, tmp_path: Path) -> None:
    process = await begin(bots, "at exit", last=str(tmp_path / "last"), log=str(tmp_path / "log"))
    assert await process.ended == Exit(how="returned")
    assert (tmp_path / "last").read_text() == "sent"
    assert (tmp_path / "log").read_text() == "logged\n" * 1_000


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


async def test_a_call_needs_no_spare(bots: Bots) -> None:
    processes = [await begin(bots, "wait") for _ in range(4)]
    assert len({p.pid for p in processes}) == 4
    for process in processes:
        process.kill()
        await process.ended
