"""What can be made to go wrong on the line and on the board, and when: pure.

A fault is written `noise=0.001`, `drop@5000`, `stall@5000`, `stall@5000:2`, `reset@5000`, `verify@0x20000`,
`unplug@5000`, `unplug@5000:3`. The number after `@` counts bytes from the host since the fault was set (for `verify`
it is an address); the one after `:` is seconds, without which it lasts until `off`, or until the board is plugged in.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from hil.simboard.errors import BadFault

FORM = re.compile(
    r"(?P<kind>[a-z]+)(?:=(?P<rate>[0-9.]+)|@(?P<at>0x[0-9a-f]+|\d+)(?::(?P<seconds>[0-9.]+))?)"
)
AT = {"drop", "stall", "reset", "verify", "unplug"}
LASTING = {"stall", "unplug"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, parsed."""

    kind: str
    at: int = 0
    rate: float = 0.0
    seconds: float | None = None

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Raises BadFault."""
        form = FORM.fullmatch(text)
        kind = form["kind"] if form else ""
        try:
            if form and kind == "noise" and form["rate"]:
                return cls(kind, rate=_within(float(form["rate"]), 0, 1))
            if form and kind in AT and form["at"] and (not form["seconds"] or kind in LASTING):
                seconds = _within(float(form["seconds"]), 0, 3600) if form["seconds"] else None
                return cls(kind, at=int(form["at"], 0), seconds=seconds)
        except ValueError:
            pass
        raise BadFault(
            f"{text!r} is no fault",
            remedy="write noise=RATE, drop@N, stall@N[:SECONDS], reset@N, verify@ADDRESS or unplug@N[:SECONDS]",
        )


def _within(value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise ValueError(value)
    return value


class Line:
    """The bytes on their way between host and chip. Of each kind of fault there is one at a time."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 -- a fault that can be repeated
        self._faults: dict[str, Fault] = {}
        self._seen: dict[str, int] = {}

    def set(self, fault: Fault) -> None:
        """From here on."""
        self._faults[fault.kind] = fault
        self._seen[fault.kind] = 0

    def clear(self) -> None:
        """All of them."""
        self._faults.clear()

    def from_host(self, data: bytes) -> tuple[bytes, list[Fault]]:
        """What reaches the chip, and what happens after it: the rest of these bytes is lost to that."""
        happened: list[Fault] = []
        for kind in ("drop", "stall", "reset", "unplug"):
            fault = self._faults.get(kind)
            if fault is None:
                continue
            left = fault.at - self._seen[kind]
            self._seen[kind] += len(data)
            if left >= len(data):
                continue
            del self._faults[kind]
            data = data[:left] + (data[left + 1 :] if kind == "drop" else b"")
            happened += [] if kind == "drop" else [fault]
        return self._noisy(data), happened

    def to_host(self, data: bytes) -> bytes:
        """What reaches the host."""
        return self._noisy(data)

    def garble(self, data: bytes, *, sent_at: int, read_at: int) -> bytes:
        """What a receiver makes of bytes at another speed than its own; UARTs agree within 3 %."""
        if abs(sent_at - read_at) * 100 <= 3 * read_at:
            return data
        count = min(len(data) * 8, max(1, len(data) * read_at // sent_at)) if data else 0
        return self._random.randbytes(count)

    def _noisy(self, data: bytes) -> bytes:
        rate = self._faults["noise"].rate if "noise" in self._faults else 0.0
        if not rate:
            return data
        return bytes(self._random.randrange(256) if self._random.random() < rate else byte for byte in data)
