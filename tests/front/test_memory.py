"""What processes hold, seen from outside."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.front.places import cgroups, memory

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="only Linux tells")  # noqa: PTH110
LIMIT = 128
_HOLD = """
import mmap, resource, sys
if int(sys.argv[2]):
    resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[2]) << 20,) * 2)
held = mmap.mmap(-1, int(sys.argv[1]) << 20)  # shared with whoever it forks: no private memory
for at in range(0, len(held), 4096):
    held[at] = 1
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def holding(megabytes: int, limit: int = LIMIT) -> Iterator[subprocess.Popen[str]]:
    """A process of ours that has touched so much shared memory."""
    command = [sys.executable, "-c", _HOLD, str(megabytes), str(limit)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def found() -> dict[int, memory.Excess]:
    return {excess.pid: excess for excess in memory.excesses(os.getpid())}


def test_what_a_process_holds_is_what_the_kernel_counts() -> None:
    with holding(200) as process:
        held = memory.resident_mb(process.pid)
        assert held is not None
        assert 200 <= held < 300
    assert memory.resident_mb(process.pid) is None


def test_shared_memory_counts_against_the_limit_and_the_greedy_is_killed() -> None:
    with holding(LIMIT // 4) as modest, holding(2 * LIMIT) as greedy, holding(2 * LIMIT, 0) as unlimited:
        greedy_one = found()[greedy.pid]
        assert (greedy_one.limit, greedy_one.held > 2 * LIMIT) == (LIMIT, True)
        assert not {modest.pid, unlimited.pid} & found().keys()
        assert memory.end(greedy_one, os.getpid())
        assert greedy.wait() == -9
        assert (modest.poll(), unlimited.poll()) == (None, None)
        assert not memory.end(greedy_one, os.getpid())


def test_who_is_another_by_now_is_left_alone() -> None:
    with holding(LIMIT // 4) as process:
        assert not memory.end(memory.Excess(process.pid, 999, 1), os.getpid())
        assert process.poll() is None


def test_what_is_left_is_the_least_of_machine_and_cgroups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proc, groups = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text("MemTotal: 4096000 kB\nMemAvailable: 2048000 kB\n")
    (proc / "self/cgroup").write_text("1:cpu:/\n0::/system.slice/voicegw.service\n")
    own = groups / "system.slice/voicegw.service"
    own.mkdir(parents=True)
    monkeypatch.setattr(memory, "PROC", proc)
    monkeypatch.setattr(cgroups, "PROC", proc)
    monkeypatch.setattr(cgroups, "_FOLDER", groups)
    assert memory.left_mb() == 2000
    (own / "memory.max").write_text("max\n")
    assert memory.left_mb() == 2000
    (own / "memory.max").write_text(f"{512 << 20}\n")
    (own / "memory.current").write_text(f"{400 << 20}\n")
    (own / "memory.stat").write_text(f"anon 1\nactive_file {60 << 20}\ninactive_file {40 << 20}\n")
    assert memory.left_mb() == 212
