"""The servers under test, and what they cost: CPU time and memory of all their processes, from /proc."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from bench.network import Network

Side = Literal["baseline", "ours", "packed", "before"]
"""Pipecat's runner; our gateway as it ships; with many calls to a bot process; an earlier one."""
_PORTS: Final[dict[Side, int]] = {"baseline": 7861, "ours": 7862, "packed": 7863, "before": 7864}
_TICK: Final = os.sysconf("SC_CLK_TCK")
_ROOT: Final = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where to send offers, and the process that all its others descend from."""

    url: str
    pid: int

    def cpu_seconds(self) -> float:
        """CPU time that its processes have used, those that have ended among them."""
        table = _processes()
        return sum(table[pid].cpu_seconds for pid in _tree(self.pid, table))

    def rss_mb(self) -> float:
        """Its memory in MB: what is its own and resident, and its share of the rest (PSS)."""
        return sum(_pss_kb(pid) for pid in _tree(self.pid, _processes())) / 1024


@dataclass(frozen=True, slots=True)
class _Process:
    parent: int
    cpu_seconds: float


def _processes() -> dict[int, _Process]:
    table: dict[int, _Process] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = Path(entry.path, "stat").read_text().rpartition(") ")[2].split()
                cpu = (
                    sum(map(int, fields[11:15])) / _TICK
                )  # proc(5): utime, stime, and those of reaped children
                table[int(entry.name)] = _Process(int(fields[1]), cpu)
    return table


def _tree(root: int, table: dict[int, _Process]) -> set[int]:
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
def serving(
    side: Side, network: Network, *, core: int | None = None, bot: str = "echo", root: Path = _ROOT
) -> Iterator[Server]:
    """Run one side's server, on one core if that is named; its log goes to `build/bench`.

    Args:
        side: whose.
        network: where.
        core: the only one that it may use.
        bot: `echo`, or `assistant`, for which the baseline has one that only listens.
        root: the folder of its code.
    """
    log = _ROOT / "build" / "bench" / f"{side}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, log.open("a") as output:
        process = subprocess.Popen(
            [*network.server, *_pinned(core), *_command(side, network.address, bot)],
            cwd=root,
            env=os.environ | _environment(side, home, root),
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


def _command(side: Side, address: str, bot: str) -> list[str]:
    where = ["--host", address, "--port", str(_PORTS[side])]
    if side == "baseline":
        own = "echo_bot" if bot == "echo" else "listening_bot"
        return [sys.executable, f"bench/{own}.py", "-t", "webrtc", "--esp32", *where]
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
