"""A gateway as a user runs it: a process with a settings file, stopped by its own handle.

What a test does not set is what ships: limits, trust, one worker, mDNS. Two things differ. The bot is `echo`, as most
tests are of what lies around a bot; tests/speech, tests/sim and tests/browser talk to the assistant. And the
data is the test's own, the cache that of all tests (`cache`). A gateway that a whole file shares lets one address offer
more often than a home would.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx

from ground import operator
from tests.support import cache
from tests.support.waiting import eventually, until

ROOT = Path(__file__).parents[2]
BOTS = Path(__file__).parents[1] / "data" / "bots"
START_SECONDS = 90.0
ANYONE = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
ANYONE.check_hostname, ANYONE.verify_mode = False, ssl.CERT_NONE


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a process under test: this checkout, and no setting of the user's."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("VOICEGW_")}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **(extra or {})}


def toml(value: Any, *, top: bool = True) -> str:
    """Settings as TOML, with inline tables within."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml(item, top=False) for item in value)}]"
    if not isinstance(value, Mapping):
        return json.dumps(value)
    items = [f"{json.dumps(k)} = {toml(v, top=False)}" for k, v in value.items()]
    return "\n".join(items) + "\n" if top else "{" + ", ".join(items) + "}"


@dataclass
class GatewayProcess:
    """A running gateway."""

    process: subprocess.Popen[bytes]
    directory: Path
    url: str
    listening: dict[str, Any]
    _log_from: int = 0

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    @property
    def secure_url(self) -> str:
        """The same gateway over TLS, as devices reach it."""
        return str(self.listening["secure_url"])

    @property
    def identity(self) -> str:
        """What devices pin."""
        return str(self.listening["identity"])

    @property
    def pid(self) -> int:
        return self.process.pid

    def log(self) -> str:
        """Everything it has logged, or since it was last forgotten."""
        return (self.directory / "gateway.log").read_bytes()[self._log_from :].decode(errors="replace")

    def forget_log(self) -> None:
        """Let `log` begin here."""
        self._log_from = (self.directory / "gateway.log").stat().st_size

    def workers(self) -> list[int]:
        """The process ids of its workers."""
        return [pid for pid in children(self.pid) if b"gateway.media.main" in command_line(pid)]

    async def state(self) -> dict[str, Any]:
        """The body of `/api/state`."""
        async with client(self.url) as http:
            found: dict[str, Any] = (await http.get("/api/state")).raise_for_status().json()
        return found

    async def sessions(self) -> list[dict[str, Any]]:
        """Its sessions."""
        found: list[dict[str, Any]] = (await self.state())["sessions"]
        return found

    async def idle(self) -> None:
        """Wait until it has no sessions."""

        async def none() -> bool:
            if self.process.poll() is not None:
                return True
            async with client(self.url) as http:
                health = (await http.get("/healthz")).json()
            return not await self.sessions() and health.get("sessions") == 0

        await eventually(none, "no session is left")

    async def logged(self, text: str) -> None:
        """Wait until a text stands in the log."""
        await until(lambda: text in self.log(), f"{text!r} in the log")

    async def ended(self, number: int = 1) -> list[str]:
        """Wait for this many ends of sessions; gives their reasons."""

        def reasons() -> list[str]:
            lines = self.log().splitlines()
            return [line.rsplit(": ", 1)[1] for line in lines if "session ended: " in line]

        await until(lambda: len(reasons()) >= number, f"{number} sessions have ended")
        return reasons()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal and wait for its end; gives its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        await until(lambda: self.process.poll() is not None, "the gateway has ended")
        return self.process.wait()


def client(url: str, *, key: str | None = None) -> httpx.AsyncClient:
    """An HTTP client of a gateway."""
    key = key or operator.secret_for(url)  # as our own commands do
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    # Whom to trust over https is tested where our own commands and devices decide it. A connection is used again only
    # while the gateway surely keeps it: both would give it up after the same 5 s.
    return httpx.AsyncClient(
        base_url=url,
        headers=headers,
        timeout=30,
        trust_env=False,
        verify=ANYONE,
        limits=httpx.Limits(keepalive_expiry=1),
    )


def children(pid: int) -> list[int]:
    """The processes that a process has started, as Linux tells."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in task.read_text().split()]
    return found


def command_line(pid: int) -> bytes:
    """A process's arguments."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def alive(pid: int) -> bool:
    """Whether a process is there, and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def spawn(
    directory: Path,
    arguments: Sequence[str],
    *,
    prefix: Sequence[str] = (),
    extra: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `voicegw` with its standard output and its log in files of this directory."""
    with (directory / "out").open("wb") as out, (directory / "gateway.log").open("wb") as log:
        return subprocess.Popen(
            [*prefix, sys.executable, "-m", "gateway", *arguments],
            cwd=ROOT,
            env=environment(extra),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=log,
        )


def write_settings(directory: Path, values: Mapping[str, Any]) -> Path:
    """Write a settings file whose gateway keeps its data in this directory."""
    own = {
        "bot": "echo",
        "data_dir": str(directory / "data"),
        "cache_dir": str(cache.folder()),
    }
    path = directory / "voicegw.toml"
    path.write_text(toml({**own, **values}))
    return path


@contextlib.asynccontextmanager
async def serving(
    directory: Path,
    settings: Mapping[str, Any] | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    prefix: Sequence[str] = (),
    extra: Mapping[str, str] | None = None,
) -> AsyncIterator[GatewayProcess]:
    """Run a gateway for the length of the block."""
    directory.mkdir(parents=True, exist_ok=True)
    config = write_settings(directory, settings or {})
    arguments = ["serve", "--host", host, "--port", str(port), "--json", "--config", str(config)]
    process = spawn(directory, arguments, prefix=prefix, extra=extra)
    try:
        line = await _first_line(process, directory)
        listening = json.loads(line)
        yield GatewayProcess(process, directory, listening["url"], listening)
    finally:
        await _end(process)


async def _first_line(process: subprocess.Popen[bytes], directory: Path) -> str:
    out = directory / "out"
    await until(
        lambda: b"\n" in out.read_bytes() or process.poll() is not None, "the gateway listens", START_SECONDS
    )
    text = out.read_text()
    if "\n" not in text:
        log = (directory / "gateway.log").read_text()
        raise AssertionError(f"the gateway ended with {process.returncode}: {log}")
    return text.splitlines()[0]


async def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, 30)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)
            raise


def voicegw(
    *arguments: str, extra: Mapping[str, str] | None = None, stdin: str | IO[bytes] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one command of `voicegw` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        cwd=ROOT,
        env=environment({"NO_COLOR": "1", "COLUMNS": "100", **(extra or {})}),
        input=stdin if isinstance(stdin, str) else None,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
