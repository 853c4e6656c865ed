"""The console of a device, over its serial port."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import serial

from tools.board import logline, ports
from tools.board.logline import Answer, Line, Refusal
from tools.errors import ConsoleError, PortError

_REOPEN_SECONDS = 0.25
_LINE_BYTES = 16_384
_ANSWER_SECONDS = 3.0
_RESET_SECONDS = 0.1  # esptool's HardReset


class Console:
    """Lines in and out. A board that goes away and comes back, as one with its own USB does at a reset, is followed.

    Args:
        port: a device or a URL of pyserial's.
        on_line: is given each line that comes, answers too.
    """

    def __init__(self, port: str, on_line: Callable[[Line], None] = lambda _: None) -> None:
        self.port = port
        self._on_line = on_line
        self._serial: serial.SerialBase | None = ports.open_port(port)
        self._rest = b""
        self._waiting: deque[str] = deque()

    def close(self) -> None:
        """Let the port go."""
        opened, self._serial = self._serial, None
        self._rest = b""
        if opened is not None:
            with contextlib.suppress(serial.SerialException, OSError):
                opened.close()

    @property
    def is_there(self) -> bool:
        """Whether the port was open at the last look."""
        return self._serial is not None

    def reset(self) -> None:
        """Reset the board by its RTS line, so that it starts its firmware.

        Raises:
            ConsoleError: the port went away.
        """
        with self._open() as opened:
            opened.dtr = False  # GPIO 0 high: no download mode
            opened.rts = True
            time.sleep(_RESET_SECONDS)
            opened.rts = False

    def lines(self, seconds: float) -> Iterator[Line]:
        """The lines that come within a time; ends when it is over."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._waiting.extend(self._split(self.read(until)))
            while self._waiting:  # what a caller leaves, who has his answer, is the next one's
                line = logline.parse(self._waiting.popleft())
                self._on_line(line)
                yield line

    def read(self, until: float = 0.0) -> bytes:
        """The bytes that are there, or nothing after a tenth of a second. Opens the port again if it went away."""
        if self._serial is None and not self._reopen(until):
            return b""
        try:
            assert self._serial is not None
            waiting: bytes = self._serial.read(max(1, min(4096, self._serial.in_waiting)))
        except (
            serial.SerialException,
            OSError,
            TypeError,
        ):  # TypeError: pyserial's, if it is closed meanwhile
            self.close()
            return b""
        return waiting

    def _reopen(self, until: float) -> bool:
        try:
            self._serial = ports.open_port(self.port)
        except PortError:
            time.sleep(max(0.0, min(_REOPEN_SECONDS, until - time.monotonic())))
            return False
        return True

    def _split(self, data: bytes) -> Iterator[str]:
        self._rest += data
        *whole, self._rest = self._rest.split(b"\n")
        if len(self._rest) > _LINE_BYTES:  # noise, or the wrong baud rate
            whole, self._rest = [*whole, self._rest], b""
        yield from (line.decode(errors="replace").rstrip("\r") for line in whole)

    def write(self, data: bytes) -> None:
        """Send bytes as they are.

        Raises:
            ConsoleError: the port went away.
        """
        with self._open() as opened:
            opened.write(data)

    @contextlib.contextmanager
    def _open(self) -> Iterator[serial.SerialBase]:
        gone = ConsoleError(f"{self.port} went away", remedy="plug the board in again")
        if self._serial is None:
            raise gone
        try:
            yield self._serial
        except (serial.SerialException, OSError) as error:
            self.close()
            raise gone from error

    def send(self, command: str) -> None:
        """Send a line; see `write`."""
        self.write(command.encode(errors="surrogateescape") + b"\n")  # what was typed, in any encoding

    def ask(self, command: str, *, seconds: float = _ANSWER_SECONDS) -> Mapping[str, Any]:
        """Send a command and give its answer.

        Raises:
            ConsoleError: the device refuses, or says nothing in time. The command's own values are not repeated.
        """
        self.write(b"\n")  # ends what may lie half typed in the device
        self.send(command)
        name = " ".join(command.split(" ")[:2])
        for line in self.lines(seconds):
            if isinstance(line, Answer):
                return line.values
            if isinstance(line, Refusal):
                raise ConsoleError(
                    f"the device refuses {name}: {line.error}", remedy=line.remedy or "see: help"
                )
        raise ConsoleError(
            f"the device does not answer {name}",
            remedy="look whether the port is the board's and our firmware runs on it: voicegw monitor",
        )
