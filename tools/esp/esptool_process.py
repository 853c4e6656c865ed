"""esptool, run as a process: who is there, and write this. What it prints is read, never guessed.

Checked against esptool 5.6: it prints a line for each step of its progress where its output is no terminal.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import private
from tools.board.ports import is_network
from tools.errors import FlashError
from tools.esp import complaints
from tools.process import quiet_environment

BAUD = 460_800
_END_SECONDS = 5.0
_SILENCE_SECONDS = 150.0
"""esptool's own longest wait is 120 s, for a whole flash to be erased."""


@dataclass(frozen=True, slots=True)
class Chip:
    """What is on the port."""

    name: str
    description: str
    mac: str
    flash_size: int | None


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes to write, in a file, from an offset."""

    offset: int
    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class Job:
    """What to write, in which order, how fast, and whether to erase the whole flash first."""

    pieces: tuple[Piece, ...]
    baud: int = BAUD
    erase: bool = False


def identify(port: str, *, baud: int = BAUD) -> Chip:
    """Ask the chip what it is; it runs again afterwards.

    The size of its flash is not asked for over a network: there each of the sixty commands that it takes costs pyserial
    0.2 s, and `write` finds out anyway.

    Raises:
        PortError, FlashError: nobody answers, with what to do.
    """
    what = ["--no-stub", "read-mac"] if is_network(port) else ["flash-id"]
    output = _run(["--port", port, "--baud", str(baud), *what], "identify", lambda _: None)

    def value(pattern: str) -> str:
        match = re.search(pattern, output)
        return match[1].strip() if match else ""

    name = value(r"Connected to (\S+) on ").lower().replace("-", "")
    if not name:
        raise FlashError(
            "esptool did not say which chip it is", remedy="report this with its output", step="identify"
        )
    size = re.fullmatch(r"(\d+)MB", value(r"Detected flash size: +(\S+)"))
    return Chip(name, value(r"Chip type: +(.+)"), value(r"MAC: +(\S+)"), int(size[1]) << 20 if size else None)


def read(port: str, chip: str, offset: int, size: int, *, baud: int = BAUD) -> bytes:
    """Bytes of the flash; the board runs again afterwards.

    Raises:
        PortError, FlashError: it cannot be read.
    """
    with private.directory() as directory:
        path = directory / "read"
        what = ["read-flash", hex(offset), hex(size), str(path)]
        _run(["--chip", chip, "--port", port, "--baud", str(baud), *what], "identify", lambda _: None)
        return path.read_bytes()


def write(port: str, chip: str, job: Job, progress: Callable[[float], None]) -> None:
    """Write, have each piece verified by its MD5, and reset the board.

    Args:
        port: of the board.
        chip: as identified.
        job: what to write.
        progress: is told the fraction written, 0 to 1, as esptool reports it.

    Raises:
        PortError, FlashError: with step, cause and remedy. The chip's loader is in ROM: it can be tried again.
    """
    told = _Progress(job.pieces, progress)
    options = ["--erase-all"] if job.erase else []
    files = [text for piece in job.pieces for text in (hex(piece.offset), str(piece.path))]
    general = ["--chip", chip, "--port", port, "--baud", str(job.baud)]
    output = _run([*general, "write-flash", *options, *files], "write", told.line)
    verified = output.count("Hash of data verified.")
    if verified != len(job.pieces):
        raise FlashError(
            f"{verified} of {len(job.pieces)} files were verified", remedy="flash it again", step="verify"
        )
    progress(1.0)


class _Progress:
    """Reads how far a write is off the addresses that esptool names."""

    _AT = re.compile(r"Writing at (0x[0-9a-f]+)\b.*%")

    def __init__(self, pieces: Sequence[Piece], tell: Callable[[float], None]) -> None:
        self._pieces = pieces
        self._total = sum(piece.size for piece in pieces) or 1
        self._tell = tell

    def line(self, text: str) -> None:
        match = self._AT.search(text)
        if match is None:
            return
        at = int(match[1], 16)
        done = 0
        for piece in self._pieces:
            if piece.offset < at <= piece.offset + piece.size + 4096:
                self._tell(min(1.0, (done + min(at - piece.offset, piece.size)) / self._total))
                return
            done += piece.size


def _run(arguments: list[str], step: str, on_line: Callable[[str], None]) -> str:
    """Run esptool to its end; gives what it printed. Whatever ends us ends it as well."""
    command = [sys.executable, "-P", "-m", "esptool", *arguments]
    with (
        subprocess.Popen(
            command,
            env=quiet_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as process,
        _ended(process),
    ):
        output = "".join(_lines(process, on_line))
        status = process.wait()
    if status == 0:
        return output
    raise complaints.explain(output, step, _port_of(arguments))


def _port_of(arguments: list[str]) -> str:
    return arguments[arguments.index("--port") + 1]


def _lines(process: subprocess.Popen[str], on_line: Callable[[str], None]) -> Iterator[str]:
    assert process.stdout is not None
    watch = _Watch(process)
    try:
        for line in process.stdout:
            watch.alive()
            on_line(line)
            yield line
    finally:
        watch.stop()


class _Watch:
    """Ends a process that says nothing for too long."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._timer: threading.Timer | None = None
        self.alive()

    def alive(self) -> None:
        self.stop()
        self._timer = threading.Timer(_SILENCE_SECONDS, self._process.kill)
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


@contextlib.contextmanager
def _ended(process: subprocess.Popen[str]) -> Iterator[None]:
    """Let no esptool outlive the block: it would hold the port."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
