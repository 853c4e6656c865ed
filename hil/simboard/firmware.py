"""The firmware on a simulated board: the Linux build, as a process whose console is the board's serial line."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Callable, Sequence
from pathlib import Path

from ground import folders
from hil.simboard.errors import NoFirmware

ROOT = Path(__file__).parents[2]
VOICESIM = ROOT / "firmware" / "build" / "host" / "voicesim"
REBOOTED = 3
"""Its status when it asks to be started again."""
GENTLE_SECONDS = 1.0
UNREAD_MOST = 65_536
PIECE = 4096


def find(program: Path) -> Path:
    """Raises NoFirmware."""
    if folders.is_file(program) and os.access(program, os.X_OK):
        return program.resolve()
    raise NoFirmware(f"{program} is not there", remedy="run: make -C firmware host")


class Firmware:
    """One run of it, from start to end."""

    def __init__(self, wrote: Callable[[bytes], None]) -> None:
        """`wrote` gets what it prints, log and console alike, as on a UART."""
        self._wrote = wrote
        self._process: Process | None = None
        self._stopped = False

    async def run(self, command: Sequence[str]) -> int:
        """Until it ends, which is at once if it was stopped before. Gives its status, negative for a signal."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("VOICEGW_")}
        self._process = await asyncio.create_subprocess_exec(
            *_dies_with_us(), *command, stdin=PIPE, stdout=PIPE, stderr=STDOUT, env=environment
        )
        if self._stopped:
            self.stop()
        assert self._process.stdout is not None
        while piece := await self._process.stdout.read(PIECE):
            self._wrote(piece)
        return await self._process.wait()

    def feed(self, data: bytes) -> None:
        """For its console. A UART that is not read loses what comes."""
        stdin = self._process.stdin if self._process else None
        if stdin is not None and stdin.transport.get_write_buffer_size() < UNREAD_MOST:
            stdin.write(data)

    def stop(self, *, gently: bool = False) -> None:
        """At once, as when power goes; or so that it can finish what it writes for its user, within a second."""
        self._stopped = True
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            if gently:
                self._process.terminate()
                asyncio.get_running_loop().call_later(GENTLE_SECONDS, self.stop)
            else:
                self._process.kill()


def _dies_with_us() -> list[str]:
    """Also when we are killed, where the system can do that (util-linux)."""
    return ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
