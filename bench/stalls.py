"""When the machine itself stands still: a process beside does nothing but wait, and notes when it is woken late."""

from __future__ import annotations

import json
import subprocess
import sys
from types import TracebackType
from typing import Final, Self

_EVERY: Final = 0.005
_LATE: Final = 0.005
_WAITING: Final = """
import json, signal, sys, time
every, late = map(float, sys.argv[1:])
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
found = []
try:
    due = time.monotonic()
    while True:
        due += every
        time.sleep(max(0, due - time.monotonic()))
        now = time.monotonic()
        if now - due > late:
            found.append((now, now - due))
            due = now
finally:
    print(json.dumps(found))
"""


class Stalls:
    """Watches while entered, on the client's core, where there is time left; times are the monotonic clock's."""

    def __init__(self, core: int) -> None:
        self._command = ["taskset", "-c", str(core), sys.executable, "-c", _WAITING, str(_EVERY), str(_LATE)]
        self._found: list[tuple[float, float]] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._found = json.loads(self._process.communicate()[0] or "[]")

    def worst_ms(self, begin: float, end: float) -> float:
        """By how many milliseconds it was woken too late at worst, between two times."""
        return 1000 * max((by for when, by in self._found if begin <= when <= end + by), default=0.0)
