"""What a bot's process prints, on its way to the log: cut into lines, and no more of them than a log can take."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Final

LONGEST_LINE: Final = 1 << 18
"""Bytes, which a record with its trace needs; the rest of a longer one is left out."""
LINES_A_SECOND: Final = 100
BYTES_A_SECOND: Final = 8 << 20
"""Of more, the process that prints is made to wait."""
DRAIN_SECONDS: Final = 1.0
"""For what a process that has ended has printed to be read, should another still hold its pipe."""
_CHUNK = 1 << 16


class Cutter:
    """Pure: bytes in, lines out. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._second = -1
        self._lines = 0
        self._left_out = 0

    def take(self, data: bytes, now: float) -> list[str]:
        """What is to be logged now that this has come."""
        found = self._turn_page(now)
        room = LINES_A_SECOND - self._lines
        *lines, rest = data.split(b"\n", room) if room > 0 else [data]
        for line in lines:
            found.append(_text(self._rest + line))
            self._rest.clear()
        self._lines += len(lines)
        if (more := rest.count(b"\n")) > 0:
            self._left_out += more
            self._rest.clear()
            rest = rest[rest.rindex(b"\n") + 1 :]
        self._rest += rest[: LONGEST_LINE + 1 - len(self._rest)]
        return found

    def end(self) -> list[str]:
        """What is left at the end."""
        found = [_text(self._rest)] if self._rest else []
        self._rest.clear()
        return found + self._confess()

    def _turn_page(self, now: float) -> list[str]:
        if int(now) == self._second:
            return []
        self._second, self._lines = int(now), 0
        return self._confess()

    def _confess(self) -> list[str]:
        count, self._left_out = self._left_out, 0
        return [f"… {count} more lines of this were left out"] if count else []


def _text(line: bytes | bytearray) -> str:
    cut = " …" if len(line) > LONGEST_LINE else ""
    return bytes(line[:LONGEST_LINE]).rstrip(b"\r").decode(errors="backslashreplace") + cut


class Reader:
    """Reads a pipe until its writers are gone.

    Args:
        fd: the pipe's end; closed at its end.
        log: is given each line.
    """

    def __init__(self, fd: int, log: Callable[[str], None]) -> None:
        self._fd = fd
        self._log = log
        self._cutter = Cutter()
        self._second = 0
        self._bytes = 0
        self._open = True
        self._loop = asyncio.get_running_loop()
        os.set_blocking(fd, False)
        self._loop.add_reader(fd, self._read)

    def close(self) -> None:
        """Read no more."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._pass_on(self._cutter.end())

    def _read(self) -> None:
        try:
            data = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return
        now = time.monotonic()
        self._pass_on(self._cutter.take(data, now))
        if not data:
            self.close()
        elif self._takes_too_much(len(data), now):
            self._loop.remove_reader(self._fd)
            self._loop.call_later(1.0 - now % 1.0, self._go_on)

    def _takes_too_much(self, count: int, now: float) -> bool:
        if int(now) != self._second:
            self._second, self._bytes = int(now), 0
        self._bytes += count
        return self._bytes >= BYTES_A_SECOND

    def _go_on(self) -> None:
        if self._open:
            self._loop.add_reader(self._fd, self._read)

    def _pass_on(self, lines: list[str]) -> None:
        for line in lines:
            self._log(line)
