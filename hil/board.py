"""The board under test, whatever it is: its console, its sound, its switches."""

from __future__ import annotations

import contextlib
import os
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hil.backends import Backend
from hil.console import Console, Event
from hil.errors import BootLoop, NotSeen, Silent
from hil.record.journal import Journal

_BOOT_SECONDS: Final = 15.0
_TRY_SECONDS: Final = 2.0
_ROM_BANNER: Final = re.compile(r"rst:0x")  # the first words of every ESP32's ROM


@dataclass(slots=True)
class Board:
    """One board, for the length of one test.

    Args:
        backend: what it is.
        dut: pytest-embedded's view of it, for those who like `dut.expect`.
        log: the file that all it says arrives in.
        journal: of this test.
        wifi: what tells the project's tool which network to join.
    """

    backend: Backend
    dut: Any
    log: Path
    journal: Journal
    wifi: tuple[str, ...] = ("--no-wifi",)
    console: Console = field(init=False)
    _resets: int = 0

    def __post_init__(self) -> None:
        self.console = Console(self.dut.write, self.log, self.journal, self.backend.fate)

    def ask(self, line: str, seconds: float = 5.0) -> Event:
        """Send a console command; gives its reply. See `Console.ask`."""
        return self.console.ask(line, seconds)

    def ready(self, seconds: float = _BOOT_SECONDS) -> Event:
        """Wait until the console answers; gives the board's state.

        Raises:
            BootLoop: it starts again and again.
            Silent: it never answered.
        """
        deadline = time.monotonic() + seconds
        asked_before = False
        while True:
            try:
                state = self.ask("state", _TRY_SECONDS)
            except Silent as silent:
                if self.boots() > 2 + self._resets:
                    raise BootLoop(
                        f"a boot loop: the board began {self.boots()} times and never got to its console; "
                        f"{self.backend.fate()}; the last that it said: {self.console.tail()!r}"
                    ) from None
                if time.monotonic() > deadline:
                    raise silent from None
                asked_before = True
            else:
                if asked_before:  # a board that starts slowly answers each
                    self.console.catch_up()
                return state

    def boots(self) -> int:
        """How often it has started in this test, as far as can be seen."""
        return max(len(_ROM_BANNER.findall(self.console.text())), self.backend.starts())

    def reset(self) -> None:
        """By its reset line, whatever it is doing."""
        self.journal.note("reset")
        self._resets += 1
        self.backend.reset(self.dut)

    def power(self, on: bool) -> None:
        """Switch its supply."""
        self.journal.note("power", line="on" if on else "off")
        self.backend.power(on)

    def flash(self, release: Path, *options: str) -> float:
        """Write a release to it, by the project's own tool; gives the seconds it took.

        Without options its settings stay as they are.
        """
        began = time.monotonic()
        self.backend.flash(self.dut, release, *(options or ("--no-provision",)))
        return time.monotonic() - began

    def panic(self) -> str:
        """Have its firmware panic; gives what its crash report will hold."""
        self.journal.note("panic")
        return self.backend.panic()

    def set(self, **settings: str) -> None:
        """Store settings that differ from what is stored; an empty text erases."""
        stored = self.ask("settings")
        for name, value in settings.items():
            if value and stored.get(name) != value:
                self.ask(f"settings set {name} {value}")
            elif not value and stored.get(name):
                self.ask(f"settings erase {name}")

    def live(self, seconds: float = 30.0, *, since: int = 0) -> None:
        """Wait until it is in a call; with `since`, one that began after that event."""
        if since == 0:
            since = self.console.mark()  # what it was in before a restart is over
            if self.ask("state")["state"] == "live":
                return
        self.console.wait(lambda e: e.get("state") == "live", "the board is live", seconds, since=since)

    def failed(self, reason: str, seconds: float = 20.0, *, since: int = 0) -> Event:
        """Wait for a failure of this reason."""
        return self.console.wait(lambda e: e.get("reason") == reason, reason, seconds, since=since)

    def reconnect(self, seconds: float = 30.0) -> None:
        """Leave the call, and wait for the next."""
        since = self.console.mark()
        self.ask("reconnect")
        self.live(seconds, since=since)

    def hear(self, seconds: float, windows: int = 3) -> Event:
        """What the speaker played in some windows of time, one after the other: the median of each figure.

        So that a machine that stalls once does not decide.
        """
        self.ask("capture start")
        heard = []
        for _ in range(windows):
            time.sleep(seconds)
            heard.append(self.ask("capture start"))
        return {name: statistics.median_low(float(h[name]) for h in heard) for name in heard[0]}

    def until(self, test: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
        """Wait for something that only asking can tell.

        Raises:
            NotSeen: it did not come.
        """
        deadline = time.monotonic() + seconds
        while not test():
            if time.monotonic() > deadline:
                raise NotSeen(f"not within {seconds:g} s: {what}")
            time.sleep(0.1)

    def descriptors(self) -> int | None:
        """Open files of its process, where it is one."""
        pid = self.backend.pid()
        return None if pid is None else len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 -- as Linux calls them

    def resident_kb(self) -> int | None:
        """Memory of its process, where it is one."""
        pid = self.backend.pid()
        with contextlib.suppress(OSError, StopIteration):
            status = Path(f"/proc/{pid}/status").read_text().splitlines()
            return int(next(line for line in status if line.startswith("VmRSS")).split()[1])
        return None
