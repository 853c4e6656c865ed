"""A simulated device as a process, spoken to over its console."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support import lan
from tests.support.gateway import ROOT
from tests.support.waiting import PATIENCE, eventually, until

BUILD = ROOT / "firmware" / "build"
BINARY = BUILD / "host-sanitized" / "voicesim"
PLAIN = BUILD / "host" / "voicesim"

Event = dict[str, Any]


class Refused(AssertionError):
    """The console answered `@err`."""


@dataclass
class Device:
    """A running device; `events` is what its console has told so far."""

    process: subprocess.Popen[bytes]
    directory: Path
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    events: list[Event] = field(default_factory=list)
    replies: asyncio.Queue[tuple[str, Event, int]] = field(default_factory=asyncio.Queue)
    """Each with how many events came before it."""

    async def ask(self, line: str) -> Event:
        """Send a line; gives the `@ok` reply.

        Raises:
            Refused: it was an `@err`.
        """
        return (await self._asked(line))[0]

    async def begin(self) -> None:
        """Have `events` begin with the state that it was in before anyone listened."""
        reply, before = await self._asked("state")
        if not any(event["event"] == "state" for event in self.events[:before]):
            self.events.insert(before, _as_event(reply))

    async def _asked(self, line: str) -> tuple[Event, int]:
        self.writer.write(line.encode() + b"\n")
        await self.writer.drain()
        mark, reply, before = await asyncio.wait_for(self.replies.get(), PATIENCE)
        if mark != "@ok":
            raise Refused(reply["error"])
        return reply, before

    async def listen(self) -> None:
        """Sort what the console says, until it ends."""
        while line := await self.reader.readline():
            mark, _, text = line.decode().strip().partition(" ")
            if mark == "@evt":
                self.events.append(json.loads(text))
            elif mark in {"@ok", "@err"}:
                self.replies.put_nowait((mark, json.loads(text), len(self.events)))

    def states(self) -> list[str]:
        """The states it has been in, in order."""
        return [event["state"] for event in self.events if event["event"] == "state"]

    def failures(self) -> list[str]:
        """The reasons of its failures, in order."""
        return [event["reason"] for event in self.events if event["event"] == "state" and "reason" in event]

    async def told(self, test: Callable[[Event], bool], what: str, seconds: float = PATIENCE) -> Event:
        """Wait for an event, which may have come already."""
        await until(lambda: any(map(test, self.events)), f"{what}; events: {self.events[-8:]}", seconds)
        return next(filter(test, self.events))

    async def live(self, seconds: float = PATIENCE) -> None:
        """Wait until it is live, now and not only once."""
        await until(lambda: self.states()[-1:] == ["live"], "the device is live", seconds)

    async def fails(self, reason: str, seconds: float = PATIENCE) -> None:
        """Wait for a failure of this reason."""
        await self.told(lambda e: e.get("reason") == reason, reason, seconds)

    async def hears(self, hertz: float, seconds: float = PATIENCE) -> Event:
        """Wait until the speaker would have played this tone, clean, for half a second; gives the summary."""
        await self.ask(f"inject tone {hertz:.0f}")
        summary: Event = {}

        async def clean() -> bool:
            nonlocal summary
            summary = await self.ask("capture")
            return bool(abs(summary["tone_mhz"] / 1000 - hertz) < 2 and summary["tone_percent"] > 80)

        deadline = time.monotonic() + seconds
        while not await clean():
            assert time.monotonic() < deadline, f"no clean {hertz} Hz: {summary}"
            await self.ask("capture start")
            await asyncio.sleep(0.5)
        await self.ask("inject off")
        return summary

    async def sounds(self) -> None:
        """Wait until its speaker plays something."""

        async def loud() -> bool:
            return bool((await self.ask("capture"))["sound_percent"] > 0)

        await self.ask("capture start")
        await eventually(loud, "the speaker plays something")

    def log(self) -> str:
        """Everything it has logged."""
        return (self.directory / "device.log").read_text(errors="replace")

    def rss_kb(self) -> int:
        """Resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(x for x in status.splitlines() if x.startswith("VmRSS")).split()[1])

    def descriptors(self) -> int:
        """Open file descriptors."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))  # noqa: PTH208 -- what Linux calls them


def spawn(
    directory: Path,
    arguments: Sequence[str],
    *,
    key: str | None = None,
    plain: bool = False,
    fault: str | None = None,
    prefix: Sequence[str] = (),
) -> subprocess.Popen[bytes]:
    """Start `voicesim` with a store, a log and its standard output in this directory; `prefix` starts it.

    Args:
        fault: of the broken devices in firmware/host/faults, this one.
    """
    directory.mkdir(parents=True, exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VOICEGW_")}
    if key is not None:
        environment["VOICEGW_KEY"] = key
    if plain:  # the allocator's caches would look like growth
        environment["GLIBC_TUNABLES"] = "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0"
    binary = PLAIN.with_name(f"voicesim-{fault}") if fault else PLAIN if plain else BINARY
    command = [*prefix, str(binary), "--store", str(directory / "store"), "--interface", "lo", *arguments]
    with (directory / "device.out").open("wb") as out, (directory / "device.log").open("wb") as log:
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=log)


async def _console(process: subprocess.Popen[bytes], directory: Path) -> int:
    out = directory / "device.out"
    await until(lambda: b"\n" in out.read_bytes() or process.poll() is not None, "the device's console")
    line = out.read_text().split("\n")[0]
    assert line.startswith("console tcp:"), line + (directory / "device.log").read_text()
    return int(line.rsplit(":", 1)[1])


def _as_event(state: Event) -> Event:
    """What the console would have told of the state that it was in before anyone listened."""
    failed = {"reason": state["last_failure"]} if state["state"] == "backoff" else {}
    return {"event": "state", "state": state["state"], **failed}


@contextlib.asynccontextmanager
async def running(
    directory: Path,
    *arguments: str,
    url: str | None = None,
    key: str | None = None,
    plain: bool = False,
    fault: str | None = None,
    prefix: Sequence[str] = (),
    namespace: str | None = None,
) -> AsyncIterator[Device]:
    """Run a device for the length of the block, at most; it may end as it likes.

    Args:
        namespace: that it runs in, with its console.
    """
    gateway = ["--gateway", url] if url else []
    process = spawn(
        directory,
        ["--console", "tcp:0", *gateway, *arguments],
        key=key,
        plain=plain,
        fault=fault,
        prefix=prefix,
    )
    try:
        port = await _console(process, directory)
        with lan.entered(namespace) if namespace is not None else contextlib.nullcontext():
            sock = socket.create_connection(("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=sock)
        own = Device(process, directory, reader, writer)
        listening = asyncio.create_task(own.listen(), name="console")
        await own.begin()
        yield own
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        writer.close()
    finally:
        process.terminate()
        await until(lambda: process.poll() is not None, "the device has ended")


@contextlib.asynccontextmanager
async def device(
    directory: Path,
    *arguments: str,
    url: str | None = None,
    key: str | None = None,
    plain: bool = False,
    fault: str | None = None,
    prefix: Sequence[str] = (),
) -> AsyncIterator[Device]:
    """Run a device for the length of the block; it has to end well, and without a sanitizer's complaint."""
    async with running(
        directory, *arguments, url=url, key=key, plain=plain, fault=fault, prefix=prefix
    ) as own:
        yield own
    log = (directory / "device.log").read_text(errors="replace")
    assert "runtime error" not in log, log
    assert "Sanitizer" not in log, log
    assert own.process.returncode == 0, log
