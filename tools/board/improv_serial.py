"""Improv over a serial port: ask a device that runs for networks, and give it one."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tools.board import improv
from tools.board.console import Console
from tools.board.improv import Command, Kind, Packet, Reader, State
from tools.errors import ImprovError

_T = TypeVar("_T")
_SCAN_SECONDS = 15.0
_CONNECT_SECONDS = 45.0
_ANSWER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Network:
    """A Wi-Fi network in reach of the board; `rssi` in dBm."""

    ssid: str
    rssi: int
    locked: bool


@dataclass(frozen=True, slots=True)
class Info:
    """What a device says it is."""

    firmware: str
    version: str
    chip: str
    name: str


class Improv:
    """The protocol, on a console's port.

    Args:
        console: which is read and written while a request is under way.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._reader = Reader()
        self._waiting: deque[Packet] = deque()

    def state(self) -> State:
        """Where the device is.

        Raises:
            ImprovError: it does not speak Improv, or says nothing in time.
        """
        self._ask(Command.GET_STATE)
        return self._wait(lambda p: _state(p) if p.kind == Kind.STATE else None, _ANSWER_SECONDS)

    def info(self) -> Info:
        """What it is; raises as `state`."""
        self._ask(Command.GET_INFO)
        texts = self._result(Command.GET_INFO, _ANSWER_SECONDS)
        firmware, version, chip, name, *_ = [*texts, "", "", "", ""]
        return Info(firmware, version, chip, name)

    def scan(self) -> list[Network]:
        """The networks in reach, the strongest first; raises as `state`."""
        self._ask(Command.SCAN)
        found: list[Network] = []
        until = time.monotonic() + _SCAN_SECONDS
        while texts := self._result(Command.SCAN, max(0.1, until - time.monotonic())):
            found += _network(texts)
        return sorted(found, key=lambda n: -n.rssi)

    def connect(self, ssid: str, password: str) -> str | None:
        """Give it a network; waits until it is on it. Gives the URL that it wants to be visited at, if any.

        Raises:
            ImprovError: it cannot connect, which leaves it without; or as `state`.
        """
        self._console.write(improv.command(Command.SET_WIFI, ssid, password))
        texts = self._result(Command.SET_WIFI, _CONNECT_SECONDS)
        return next((text for text in texts if text), None)

    def _ask(self, which: Command) -> None:
        self._console.write(improv.command(which))

    def _result(self, which: Command, seconds: float) -> list[str]:
        def of_it(packet: Packet) -> list[str] | None:
            if packet.kind != Kind.RESULT:
                return None
            answered, texts = improv.result(packet)
            return texts if answered == which else None

        return self._wait(of_it, seconds)

    def _wait(self, look: Callable[[Packet], _T | None], seconds: float) -> _T:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if not self._waiting:
                self._waiting.extend(self._reader.feed(self._console.read(until))[0])
            while self._waiting:
                packet = self._waiting.popleft()
                if packet.kind == Kind.ERROR and packet.data[:1] not in {b"", b"\0"}:
                    raise _error(packet.data[0])
                found = look(packet)
                if found is not None:
                    return found
        raise ImprovError(
            "the device does not answer Improv", remedy="is our firmware on it? voicegw monitor shows"
        )


def _state(packet: Packet) -> State | None:
    try:
        return State(packet.data[0])
    except (ValueError, IndexError):
        return None


def _network(texts: list[str]) -> list[Network]:
    if len(texts) < 3:
        return []
    try:
        return [Network(texts[0], int(texts[1]), texts[2].upper() != "NO")]
    except ValueError:
        return []


def _error(number: int) -> ImprovError:
    why = improv.ERRORS.get(number, f"error {number}")
    remedy = "look at the name (2.4 GHz, case counts) and the password" if number == 0x03 else "try again"
    return ImprovError(f"the device refuses: {why}", remedy=remedy)
