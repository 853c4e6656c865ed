"""The simulated board of hil/simboard: reset lines, flash, boot chain, and the Linux build behind them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from hil.backends import Backend, Reached
from hil.backends.serial import SerialPort
from hil.backends.simulated import TUNABLES, Simulated
from hil.errors import Unusable
from hil.simboard.demo import Facts, facts, layout, program, write_release
from hil.simboard.flash import SIZES, Flash
from tools import private
from tools.esp.nvs import settings_image

BOARD: Final = "xmini-c3"
_NOWHERE: Final = (
    "http://127.0.0.1:9"  # until a test says where; else it would find the gateways of other tests
)
_READY_SECONDS: Final = 20.0
_END_SECONDS: Final = 5.0


class Simboard(SerialPort):
    """A board on an RFC 2217 port of loopback, new for each test, with a control channel for its supply.

    Args:
        binary: `voicesim`, or a build of it with a fault.
        clip: what it says when it is told `inject clip`.
        work: where releases and the first flash are made, once a run.
    """

    kind = "simboard"

    def __init__(self, binary: Path, clip: Path, work: Path) -> None:
        Backend.__init__(self)
        if not binary.is_file():
            raise Unusable(f"there is no {binary}; build it: make -C firmware host")
        self.services = "serial"
        self.capabilities = Simulated.capabilities | {"flash", "ota", "panic"}
        self.reached = Reached("127.0.0.1", "127.0.0.1")
        self._binary, self._clip, self._work = binary, clip, work
        self._process: subprocess.Popen[str] | None = None
        self._control: tuple[str, int] | None = None
        self._secrets = contextlib.ExitStack()

    def release(self, version: str, fault: str = "") -> Path:
        """A release of that version for this board; made when it is first wanted."""
        folder = self._work / f"release-{version}{fault and '-' + fault}"
        return folder if folder.exists() else write_release(folder, _facts(), version, fault)

    def open(self, folder: Path) -> str:
        """Start it with a flash of its own; gives its port."""
        self._folder = folder
        own = self._secrets.enter_context(private.directory())  # no evidence: passwords and keys get there
        shutil.copyfile(self._first_flash(), own / "flash.bin")
        self._store = own / "store"
        with (folder / "simboard.log").open("w") as log:
            self._process = subprocess.Popen(
                [
                    *[sys.executable, "-m", "hil.simboard", "--chip", _facts().chip.name, "--control", "0"],
                    *["--flash", str(own / "flash.bin"), "--size", _facts().flash_size],
                    *["--store", str(self._store), "--voicesim", str(self._binary)],
                    *["--", "--interface", "lo", "--mic", str(self._clip)],
                    *["--speaker", str(folder / "speaker.wav")],
                ],
                env={**os.environ, "GLIBC_TUNABLES": TUNABLES},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._control = ("127.0.0.1", int(self._line("control=127.0.0.1:")))
        self._port = self._line("port=")
        return self._port

    def _line(self, start: str) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line.startswith(start):
            raise Unusable(
                f"the simulated board does not start: {(self._folder / 'simboard.log').read_text()[-400:]}"
            )
        return line.removeprefix(start)

    def _first_flash(self) -> Path:
        path = self._work / "first-flash.bin"
        if not path.exists():
            self._work.mkdir(parents=True, exist_ok=True)
            flash = Flash(path, SIZES[_facts().flash_size])
            program(flash, self.release("0.1.0"))
            nvs = next(p for p in layout(_facts().flash_size) if p.label == "nvs")
            flash.replace(nvs.offset, settings_image({"gateway": _NOWHERE}, nvs.size))
            flash.close()
        return path

    def close(self) -> None:
        """End it, and forget what it had stored."""
        if self._process is None:
            return
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        self._process.kill()
        self._process.wait()
        self._secrets.close()

    def power(self, on: bool) -> None:
        """By the control channel."""
        self._tell(f"power {'on' if on else 'off'}")

    def fate(self) -> str:
        """What the control channel says of it."""
        try:
            return f"the simulated board says {self._tell('state')}"
        except OSError:
            return "the simulated board is gone"

    def panic(self) -> str:
        """Kill the firmware as a panic would, with a core dump that says so."""
        report = "Guru Meditation Error: made by the rig"
        (self._store / "crash").write_text(report)
        if (pid := self.pid()) is not None:
            os.kill(pid, signal.SIGABRT)
        return report

    def speaker(self) -> Path:
        """What it played since its last start."""
        return self._folder / "speaker.wav"

    def pid(self) -> int | None:
        """The firmware's process."""
        if self._process is None:
            return None
        for task in Path(f"/proc/{self._process.pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                for child in task.read_text().split():
                    return int(child)
        return None

    def _tell(self, line: str) -> str:
        assert self._control is not None
        with socket.create_connection(self._control, 5) as channel, channel.makefile("rw") as lines:
            lines.write(line + "\n")
            lines.flush()
            answer = lines.readline().strip()
        if not answer.startswith("ok"):
            raise Unusable(f"the simulated board answers {line!r} with {answer!r}")
        return answer.removeprefix("ok").strip()


def _facts() -> Facts:
    return replace(facts(BOARD), flash_size="4MB")
