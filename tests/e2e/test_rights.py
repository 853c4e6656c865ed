"""What the gateway's processes write and leave behind is their user's alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.support.gateway import GatewayProcess, children

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells")


def umask_of(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("Umask:")), 8)


def core_of(pid: int) -> str:
    limits = Path(f"/proc/{pid}/limits").read_text()
    return next(line.split()[4] for line in limits.splitlines() if line.startswith("Max core file size"))


async def test_no_process_writes_for_others_or_leaves_a_core(echo: GatewayProcess) -> None:
    front = echo.process.pid
    media = children(front)
    assert media
    for pid in (front, *media):
        assert umask_of(pid) == 0o077
        assert core_of(pid) in {"0", "1"}
    for path in (echo.directory / "data").rglob("*"):
        assert not stat.S_IMODE(path.lstat().st_mode) & 0o077, path
