"""How far a board gets after a reset: booted, on the network, gateway found, live."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from tools.board import logline
from tools.board.console import Console
from tools.board.logline import Answer, Event, Line, Log
from tools.errors import BootError, ConsoleError

SECONDS = 60.0
_ASK_EVERY = 1.5
_RESETS = 3
_AGAIN = {"wifi_refused": 2, "no_wifi": 2}
_FINAL = {"key_rejected", "forbidden", "bad_url", "tls_pin", "tls_required", "fingerprint"}


class Reached(IntEnum):
    """How far it got."""

    NOTHING = 0
    BOOTED = 1
    NETWORK = 2
    GATEWAY = 3
    LIVE = 4

    def __str__(self) -> str:
        return {0: "nothing", 1: "booted", 2: "wifi", 3: "gateway", 4: "live"}[self.value]


_BY_STATE = {
    "provisioning": Reached.BOOTED,
    "network": Reached.BOOTED,
    "discovery": Reached.NETWORK,
    "signalling": Reached.NETWORK,
    "connecting": Reached.GATEWAY,
    "live": Reached.LIVE,
}
_LOCAL = {"no_wifi", "wifi_refused", "no_address", "network_timeout", "link_lost"}
_BEFORE_GATEWAY = {"no_gateway", "bad_url", "no_name", "unreachable", "no_memory", "reconnect"}
_WIFI = "look at the name (2.4 GHz, case counts) and the password, and give them again: voicegw provision"
_REACH = (
    "look whether the gateway runs (make run) and is on the same network; "
    "client isolation and firewalls: voicegw doctor"
)
_HTTPS = "voicegw provision --gateway https://ADDRESS:7860"
_NEW_KEY = "flash again, or: voicegw devices add NAME, and voicegw provision --key-file FILE"
_REASONS = {
    "no_wifi": ("the Wi-Fi network is not in reach", _WIFI),
    "wifi_refused": ("the Wi-Fi refuses the password", _WIFI),
    "no_address": ("the network gives the board no address", "look at the router's DHCP"),
    "network_timeout": ("the board does not get onto the network", _WIFI),
    "no_gateway": ("no gateway answers on the network", _REACH),
    "unreachable": ("the gateway cannot be reached", _REACH),
    "no_name": ("the gateway's name is not known", "give its address: voicegw provision --gateway URL"),
    "bad_url": ("the gateway's URL is none", _HTTPS),
    "tls_required": ("the gateway is spoken to over https", _HTTPS),
    "key_rejected": ("the gateway does not know the device's key", _NEW_KEY),
    "forbidden": ("the gateway refuses the device", _NEW_KEY),
    "connect_timeout": ("sound does not get through to the gateway", _REACH),
    "ice_failed": ("sound does not get through to the gateway", _REACH),
    "gateway_busy": ("the gateway has no room", "raise limits.sessions, or end a call"),
    "bot_failed": ("the gateway's bot fails", "see the gateway's log"),
}


@dataclass
class Progress:
    """What was seen so far."""

    reached: Reached = Reached.NOTHING
    state: str = ""
    reason: str = ""
    resets: int = 0
    crash: tuple[str, str] | None = None
    counts: dict[str, int] | None = None

    def take(self, line: Line) -> None:
        """Learn from a line."""
        if isinstance(line, Log):
            self._take_log(line.text)
        elif isinstance(line, Event) and line.values.get("event") == "state":
            self._take_state(line.values.get("state"), line.values.get("reason"))
        elif isinstance(line, Event):
            self._reach(Reached.BOOTED)
        elif isinstance(line, Answer) and "state" in line.values:
            failed = line.values["state"] == "backoff"  # else its last failure may be of long ago
            self._take_state(line.values["state"], line.values.get("last_failure") if failed else None)

    def _take_log(self, text: str) -> None:
        if logline.is_reset(text):
            self.resets += 1
        self.crash = logline.complaint(text) or self.crash

    def _take_state(self, state: Any, reason: Any) -> None:
        self.resets = 0
        self.state = str(state)
        self._reach(max(Reached.BOOTED, _BY_STATE.get(self.state, Reached.BOOTED)))
        if reason not in {None, "", "none"}:
            self._take_reason(str(reason))

    def _take_reason(self, reason: str) -> None:
        self.reason = reason
        if reason not in _LOCAL:
            self._reach(Reached.NETWORK if reason in _BEFORE_GATEWAY else Reached.GATEWAY)

    def _reach(self, reached: Reached) -> None:
        self.reached = max(self.reached, reached)


def follow(
    console: Console,
    target: Reached,
    *,
    seconds: float = SECONDS,
    tell: Callable[[Reached], None] = lambda _: None,
) -> Progress:
    """Follow a board that was just reset until it got far enough.

    Args:
        console: on its port.
        target: how far that is.
        seconds: to give it.
        tell: is told each stage when it is reached.

    Raises:
        BootError: it did not get there; says how far it got, why, and what to do.
    """
    seen, told = Progress(), Reached.NOTHING
    until = time.monotonic() + seconds
    failures: dict[str, int] = {}
    while time.monotonic() < until:
        _ask_for_state(console)
        for line in console.lines(min(_ASK_EVERY, max(0.0, until - time.monotonic()))):
            seen.take(line)
            if isinstance(line, Event) and line.values.get("reason"):
                failures[seen.reason] = failures.get(seen.reason, 0) + 1
            for stage in range(told + 1, seen.reached + 1):
                told = Reached(stage)
                tell(told)
            if seen.reached >= target:
                return seen
            _give_up(seen, failures)
    raise failure(seen, seconds)


def _ask_for_state(console: Console) -> None:
    """The boot may have been over before the port was opened again."""
    try:
        console.write(b"\n")
        console.send("state")
    except ConsoleError:
        return  # it is resetting; `lines` opens the port again


def _give_up(seen: Progress, failures: dict[str, int]) -> None:
    if seen.resets >= _RESETS and seen.reached == Reached.NOTHING:
        cause, remedy = seen.crash or ("it resets again and again", "see why: voicegw monitor")
        raise BootError(f"the board does not start: {cause}", remedy=remedy)
    if seen.reason in _FINAL or failures.get(seen.reason, 0) >= _AGAIN.get(seen.reason, 1_000):
        raise failure(seen, 0.0)


def failure(seen: Progress, seconds: float) -> BootError:
    """Why a board got no further."""
    if seen.reached == Reached.NOTHING:
        cause, remedy = seen.crash or ("it says nothing", "press its RESET button; then: voicegw monitor")
        return BootError(f"the board does not start: {cause}", remedy=remedy)
    cause, remedy = cause_of(seen.reason)
    if seen.state == "provisioning":
        cause, remedy = "it has no Wi-Fi settings", "give them: voicegw provision"
    after = f" after {seconds:.0f} s" if seconds else ""
    return BootError(f"reached {seen.reached}, and no further{after}: {cause}", remedy=remedy)


def cause_of(reason: str) -> tuple[str, str]:
    """What a reason of docs/protocol.md means, and what to do about it."""
    unknown = f"its reason is {reason}" if reason else "it gives no reason"
    return _REASONS.get(reason, (unknown, "see: voicegw monitor"))
