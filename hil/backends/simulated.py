"""The Linux build of the firmware on a pseudo-terminal, as on a serial line."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
import tty
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hil.backends import Backend, Reached
from hil.errors import Unusable
from tools import private

TUNABLES = (
    "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0"  # the allocator's caches would look like growth
)
_END_SECONDS = 5.0
_NOWHERE = "http://127.0.0.1:9"  # until a test says where; else it would find the gateways of other tests
_RESTART_SECONDS = 0.2
_STARTS_MAX = 50


class Simulated(Backend):
    """A process that is killed and started anew where a board would be reset.

    One that ends by itself starts anew, as a chip does.

    Args:
        binary: `voicesim`, or a build of it with a fault.
        clip: what it says when it is told `inject clip`.
        options: more of the binary's.
    """

    kind = "simulated"
    services = "serial"
    capabilities = frozenset({"audio_out", "display", "aec", "clip", "mdns", "tap", "process", "power"})
    reached = Reached("127.0.0.1", "127.0.0.1")

    def __init__(self, binary: Path, clip: Path, options: Sequence[str] = ()) -> None:
        if not binary.is_file():
            raise Unusable(f"there is no {binary}; build it: make -C firmware host")
        self._binary, self._clip, self._options = binary, clip, tuple(options)
        self._process: subprocess.Popen[bytes] | None = None
        self._device = self._line = -1
        self._starts = 0
        self._ends: list[int] = []
        self._is_on = False
        self._secrets = contextlib.ExitStack()

    def open(self, folder: Path) -> str:
        """Start it with a store of its own; gives the terminal's path."""
        self._folder = folder
        self._store = self._secrets.enter_context(private.directory())  # no evidence: keys get there
        (self._store / "gateway").write_text(_NOWHERE)
        self._starts, self._ends = 0, []
        self._device, self._line = os.openpty()
        tty.setraw(self._line)
        self.power(True)
        return os.ttyname(self._line)

    def close(self) -> None:
        """End it, its terminal, and what it had stored."""
        self._is_on = False
        self._end(graceful=True)
        for descriptor in (self._device, self._line):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._secrets.close()

    def reset(self, dut: Any) -> None:
        """Kill it and start it again on the same line."""
        del dut
        self.power(False)
        self.power(True)

    def power(self, on: bool) -> None:
        """Start it, or kill it."""
        self._is_on = False
        self._end()
        if on:
            self._is_on = True
            self._start()

    def _start(self) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("VOICEGW_")}
        environment["GLIBC_TUNABLES"] = TUNABLES
        self._process = subprocess.Popen(
            [
                *[str(self._binary), "--console", "-", "--interface", "lo"],
                *["--store", str(self._store), "--mic", str(self._clip)],
                *["--speaker", str(self._folder / "speaker.wav"), *self._options],
            ],
            env=environment,
            stdin=self._device,
            stdout=self._device,
            stderr=self._device,
        )
        self._starts += 1
        threading.Thread(target=self._follow, args=(self._process,), name="simulated", daemon=True).start()

    def _follow(self, process: subprocess.Popen[bytes]) -> None:
        status = process.wait()
        if process is self._process and self._is_on:
            self._ends.append(status)
            time.sleep(_RESTART_SECONDS)
            if process is self._process and self._is_on and self._starts < _STARTS_MAX:
                self._start()

    def starts(self) -> int:
        """How often it was started."""
        return self._starts

    def fate(self) -> str:
        """How often its process ended by itself, and how."""
        if not self._ends:
            return ""
        how = ", ".join(f"signal {-s}" if s < 0 else f"status {s}" for s in sorted(set(self._ends)))
        return f"its process ended by itself {len(self._ends)} times ({how})"

    def speaker(self) -> Path:
        """What it played since its last start."""
        return self._folder / "speaker.wav"

    def pid(self) -> int | None:
        """Its process."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def _end(self, *, graceful: bool = False) -> None:
        if self._process is None:
            return
        if graceful:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_SECONDS)
        self._process.kill()
        self._process.wait()
