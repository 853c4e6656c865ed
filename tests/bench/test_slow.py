from __future__ import annotations

from pathlib import Path

import pytest

from bench.slow import NoCgroup, controller

UNIFIED = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n"
HYBRID = """\
cgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
"""


def test_cpu_time_is_v2s_where_there_is_only_that() -> None:
    assert controller(UNIFIED) == (True, Path("/sys/fs/cgroup"))


def test_cpu_time_is_v1s_where_that_has_it() -> None:
    assert controller(HYBRID) == (False, Path("/sys/fs/cgroup/cpu,cpuacct"))


def test_a_machine_without_cgroups_is_told_so() -> None:
    with pytest.raises(NoCgroup, match="no cgroup"):
        controller("proc /proc proc rw 0 0\n")
