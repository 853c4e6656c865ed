"""What processes take of the processors, seen from outside, and how many there are for them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway import processes
from gateway.front.places import cgroups, cores

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux tells")
BURNS = """
import sys, time
while time.process_time() < float(sys.argv[1]):
    pass
print("burnt", flush=True)
sys.stdin.read()
"""


def later(taken: cores.Taken, now: float) -> float:
    """What was taken, once it has been found out anew what processes there are."""
    return [taken.look([os.getpid()], now) for _ in range(5)][-1]


def burning(seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", BURNS, str(seconds)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def burnt(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "burnt\n"


def test_a_process_of_ours_counts_in_full() -> None:
    taken, began = cores.Taken(), time.monotonic()
    taken.look([os.getpid()], began)
    with burning(1.0) as process:
        burnt(process)
        found = taken.look([os.getpid(), process.pid], time.monotonic())
        assert 0.95 <= found < 2.5  # the kernel counts in ticks
        process.kill()


def test_what_it_has_started_counts_for_half_of_the_time_at_most() -> None:
    taken, began = cores.Taken(), time.monotonic()
    taken.look([os.getpid()], began)
    with burning(1.0) as process:
        burnt(process)
        # As if all of it had been taken in one second: of that second half counts.
        own = time.process_time()
        found = later(taken, began + 1.0)
        assert 0.5 <= found < 0.75 + own
        assert later(taken, began + 2.0) < found + 0.25
        process.kill()


def test_what_was_taken_before_the_first_look_does_not_count() -> None:
    with burning(1.0) as process:
        burnt(process)
        taken = cores.Taken()
        assert taken.look([os.getpid()], 0.0) == 0.0
        assert taken.look([os.getpid()], 1.0) < 0.3
        process.kill()


def test_grandchildren_are_found() -> None:
    command = ["sh", "-c", "sleep 60 & echo $!; wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout is not None
        grandchild = int(shell.stdout.readline())
        assert {shell.pid, grandchild} <= processes.descendants(os.getpid())
        os.kill(grandchild, 9)


@pytest.mark.parametrize(
    ("file", "text", "of"),
    [
        ("system.slice/voicegw.service/cpu.max", "50000 100000\n", 0.5),
        ("system.slice/cpu.max", "25000 100000\n", 0.25),
        ("system.slice/voicegw.service/cpu.max", "max 100000\n", None),
        ("cpu,cpuacct/pi/cpu.cfs_quota_us", "30000\n", 0.3),
        ("cpu,cpuacct/pi/cpu.cfs_quota_us", "-1\n", None),
    ],
)
def test_the_quota_of_a_cgroup_counts_and_of_those_above_it(
    file: str, text: str, of: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proc, groups = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "self/cgroup").write_text("1:cpu,cpuacct:/pi\n0::/system.slice/voicegw.service\n")
    (groups / file).parent.mkdir(parents=True)
    (groups / file).write_text(text)
    (groups / file).with_name("cpu.cfs_period_us").write_text("100000\n")
    monkeypatch.setattr(cgroups, "PROC", proc)
    monkeypatch.setattr(cgroups, "_FOLDER", groups)
    affinity = float(len(os.sched_getaffinity(0)))
    assert cores.allowed() == (affinity if of is None else of)
