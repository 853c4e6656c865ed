"""The servers under test, and what they cost: CPU time and memory of all their processes, from /proc."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from bench.network import Network

Side = Literal["baseline", "ours", "packed", "before"]
"""Pipecat's runner; our gateway as it ships; with many calls to a bot process; an earlier one."""
Bot = Literal["echo", "assistant", "listening"]
"""The last one: the baseline's only listens, ours is the assistant."""
_PORTS: Final[dict[Side, int]] = {"baseline": 7861, "ours": 7862, "packed": 7863, "before": 7864}
_TICK: Final = os.sysconf("SC_CLK_TCK")
_ROOT: Final = Path(__file__).parent.parent
_MEDIA: Final = b"gateway.media.main"
_LOOK_SECONDS: Final = 0.5
_AT_REST: Final = 0.05  # of a core


Kind = Literal["front", "media", "bots"]
"""Of a process of ours: HTTP and the page, the calls' sockets and sound, bots and their engines."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where to send offers, and the process that all its others descend from."""

    url: str
    pid: int

    def cpu_seconds(self) -> float:
        """CPU time that its processes have used, those that have ended among them."""
        return sum(self.cpu_by_kind().values())

    def cpu_by_kind(self) -> dict[Kind, float]:
        """The same by kind of process; of the baseline all is front."""
        table = processes()
        media = {pid for pid in tree(self.pid, table) if _MEDIA in _command_line(pid)}
        return by_kind(self.pid, table, media)

    def rests(self, most: int, limit: float) -> float:
        """Wait until it has no more than so many processes and works no more; seconds that took, or `limit`."""
        began, spent = time.monotonic(), self.cpu_seconds()
        while (waited := time.monotonic() - began) < limit:
            time.sleep(_LOOK_SECONDS)
            now = self.cpu_seconds()
            if self.count() <= most and now - spent < _AT_REST * _LOOK_SECONDS:
                return waited
            spent = now
        return limit

    def count(self) -> int:
        """How many processes it has."""
        return len(tree(self.pid, processes()))

    def rss_mb(self) -> float:
        """Its memory in MB: what is its own and resident, and its share of the rest (PSS)."""
        return sum(_pss_kb(pid) for pid in tree(self.pid, processes())) / 1024


@dataclass(frozen=True, slots=True)
class Process:
    """Its parent, and the CPU time of itself and of its children that have ended."""

    parent: int
    cpu_seconds: float


def processes() -> dict[int, Process]:
    """All of this machine."""
    table: dict[int, Process] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = Path(entry.path, "stat").read_text().rpartition(") ")[2].split()
                cpu = (
                    sum(map(int, fields[11:15])) / _TICK
                )  # proc(5): utime, stime, and those of reaped children
                table[int(entry.name)] = Process(int(fields[1]), cpu)
    return table


def by_kind(root: int, table: dict[int, Process], media: set[int]) -> dict[Kind, float]:
    """CPU seconds of a gateway's processes, of which these are the media's: what they started is bots."""
    bots = set().union(*(tree(pid, table) - {pid} for pid in media))
    kinds: dict[Kind, set[int]] = {"front": tree(root, table) - media - bots, "media": media, "bots": bots}
    return {kind: sum(table[pid].cpu_seconds for pid in pids) for kind, pids in kinds.items()}


def _command_line(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def tree(root: int, table: dict[int, Process]) -> set[int]:
    """A process and all that descend from it."""
    found: set[int] = set()
    fresh = {root} & table.keys()
    while fresh:
        found |= fresh
        fresh = {pid for pid, process in table.items() if process.parent in fresh} - found
    return found


def _pss_kb(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


@contextlib.contextmanager
def serving(  # noqa: PLR0913 -- what differs from one measurement to the next
    side: Side,
    network: Network,
    *,
    core: int | None = None,
    bot: Bot = "echo",
    root: Path = _ROOT,
    settings: Mapping[str, str] = MappingProxyType({}),
    slow: Sequence[str] = (),
) -> Iterator[Server]:
    """Run one side's server, on one core if that is named; its log goes to `build/bench`.

    Args:
        side: whose.
        network: where.
        core: the only one that it may use.
        bot: what answers.
        root: the folder of its code.
        settings: of ours beside those that it has anyway, as the environment has them.
        slow: what its command begins with where it has a part of its core only.
    """
    log = _ROOT / "build" / "bench" / f"{side}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, log.open("a") as output:
        process = subprocess.Popen(
            [*slow, *network.server, *_pinned(core), *_command(side, network.address, bot)],
            cwd=root,
            env=os.environ | _environment(side, home, root) | dict(settings),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            yield Server(f"http://{network.address}:{_PORTS[side]}/api/offer", process.pid)
        finally:
            _stop(process)


def _pinned(core: int | None) -> tuple[str, ...]:
    return () if core is None else ("taskset", "-c", str(core))


def _command(side: Side, address: str, bot: Bot) -> list[str]:
    where = ["--host", address, "--port", str(_PORTS[side])]
    if side == "baseline":
        return [sys.executable, f"bench/{bot}_bot.py", "-t", "webrtc", "--esp32", *where]
    bot = "assistant" if bot == "listening" else bot
    return [sys.executable, "-m", "gateway", "serve", "--bot", bot, "--open", *where]


def _environment(side: Side, home: str, root: Path) -> dict[str, str]:
    """Neither side logs what it does, nor is ours held back by its limits."""
    packed = {"VOICEGW_CALLS_PER_BOT_PROCESS": "100"} if side == "packed" else {}
    return packed | {
        "PYTHONPATH": str(root),
        "LOGURU_LEVEL": "WARNING",
        "VOICEGW_LOG_LEVEL": "WARNING",
        "VOICEGW_ANNOUNCE": "false",
        "VOICEGW_DATA_DIR": f"{home}/data",
        "VOICEGW_CACHE_DIR": f"{home}/cache",
        "VOICEGW_LIMITS__SESSIONS": "500",
        "VOICEGW_LIMITS__OFFERS_PER_MINUTE": "10000",
        "VOICEGW_BOTS": json.dumps({"hog": str(_ROOT / "bench" / "echo_bot.py")}),
    }


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
