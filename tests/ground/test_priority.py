"""Priorities, in a process of their own: who has stepped back may not be let forward again."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_PLAIN = "os.geteuid() or os.setpriority(os.PRIO_PROCESS, 0, 0)"  # however nice whoever runs the tests is
_SAYS = f"import os; from ground import priority; {_PLAIN}; {{}}; print(os.getpriority(os.PRIO_PROCESS, 0))"


def nice_after(calls: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _SAYS.format(calls)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may go first")
def test_what_goes_first_is_before_all_that_step_back() -> None:
    assert nice_after("priority.go_first()") == -5
    assert nice_after("priority.go_first(); priority.step_back()") == 0
    assert nice_after("os.nice(5); priority.go_first(); priority.step_back()") == 5
    assert nice_after("os.nice(5); priority.go_first(); priority.go_first(); priority.step_back()") == 5


def test_who_leaves_more_to_others_goes_on_to() -> None:
    assert nice_after("os.nice(5); priority.step_back()") == 5


def test_who_may_not_go_first_runs_as_before() -> None:
    drop = "os.setuid(65534) if os.geteuid() == 0 else None"
    assert nice_after(f"{drop}; os.nice(3); priority.go_first()") == 3
