"""What processes take of the processors, seen from outside, and how many there are for them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import processes
from gateway.front.places import cgroups, cores

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux tells")
BURNS = """
import time
while time.process_time() < 1.0:
    pass
print("burnt", flush=True)
input()
"""
TICKS = 0.05
"""Seconds: the kernel counts in ticks, and a shell takes one or two."""


class Ours:
    """A process that does nothing but start another one, which takes a second of a processor."""

    def __init__(self) -> None:
        command = ["sh", "-c", 'read go; "$@"; :', "sh", sys.executable, "-c", BURNS]
        self._shell = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self._shell.pid

    def burn(self) -> None:
        """Have it do so, and wait until that is done."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write("go\n")
        self._shell.stdin.flush()
        assert self._shell.stdout.readline() == "burnt\n"

    def close(self) -> None:
        self._shell.communicate("\n")


@pytest.fixture
def ours() -> Iterator[Ours]:
    made = Ours()
    yield made
    made.close()


def later(taken: cores.Taken, ours: Ours, now: float) -> float:
    """What was taken, once it has been found out anew what processes there are."""
    return [taken.look([ours.pid], now) for _ in range(5)][-1]


def test_a_process_of_ours_counts_in_full(ours: Ours) -> None:
    taken = cores.Taken()
    taken.look([ours.pid], 0.0)
    ours.burn()
    [other] = processes.descendants(ours.pid)
    assert taken.look([ours.pid, other], 1.0) == pytest.approx(1.0, abs=TICKS)


def test_what_it_has_started_counts_for_half_of_the_time_at_most(ours: Ours) -> None:
    taken = cores.Taken()
    taken.look([ours.pid], 0.0)
    ours.burn()
    # As if all of it had been taken in one second: of that second half counts.
    assert later(taken, ours, 1.0) == pytest.approx(0.5, abs=TICKS)
    assert later(taken, ours, 2.0) == pytest.approx(0.5, abs=TICKS)


def test_what_was_taken_before_the_first_look_does_not_count(ours: Ours) -> None:
    ours.burn()
    for own in ([ours.pid], processes.descendants(ours.pid)):
        taken = cores.Taken()
        assert taken.look(own, 100.0) == 0.0
        assert taken.look(own, 101.0) == pytest.approx(0.0, abs=TICKS)


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
