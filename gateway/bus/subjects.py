"""The names of all that is said over the bus; pure. Permissions are written from them (`voicegw nats`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

_ROOT: Final = "voicegw"
HOSTS: Final = "hosts"
FRONTS: Final = "fronts"
"""Queue groups: one of them hears what is asked of all."""
TELLINGS: Final = f"{_ROOT}.told"
"""Of fronts, to each other."""
STATES: Final = f"{_ROOT}.state.*.*"
EVENTS: Final = f"{_ROOT}.event.*.*"
ASKS: Final = f"{_ROOT}.ask.*.*"
_UNFIT: Final = re.compile("[^A-Za-z0-9_-]+")
_HOST: Final = re.compile(r"[A-Za-z0-9_-]{1,48}\.[A-Za-z0-9_-]{1,48}")


def token(text: str) -> str:
    """A name as one part of a subject."""
    return _UNFIT.sub("-", text).strip("-")[:48] or "unnamed"


def place(tier: int) -> str:
    """Where hosts of a tier take calls."""
    return f"{_ROOT}.place.{tier}"


def inboxes(member: str) -> str:
    """Where answers to a member arrive; others may not listen there."""
    return f"_INBOX.{member}"


def is_hosts(inbox: str) -> bool:
    """Whether a host hears it: NATS lets one name any subject for an answer, and a front may say more than a host."""
    return inbox.startswith(inboxes("host-"))


@dataclass(frozen=True, slots=True, order=True)
class HostId:
    """One host process: its name, and what tells it from another one of the name, or of before."""

    name: str
    instance: str

    def __str__(self) -> str:
        return f"{self.name}.{self.instance}"

    @property
    def state(self) -> str:
        return f"{_ROOT}.state.{self}"

    @property
    def event(self) -> str:
        return f"{_ROOT}.event.{self}"

    @property
    def ask(self) -> str:
        return f"{_ROOT}.ask.{self}"


def asked(who: str, request: str) -> str:
    """Where a host, as `NAME.INSTANCE`, is asked this."""
    return f"{_ROOT}.host.{who}.{request}"


def sender(subject: str) -> HostId:
    """Whose state, event or question it is."""
    _, _, name, instance = subject.split(".")
    return HostId(name, instance)


def named(who: Any) -> HostId | None:
    """The host that a message names as `NAME.INSTANCE`; `None` where it names none."""
    return HostId(*who.split(".")) if isinstance(who, str) and _HOST.fullmatch(who) else None


def of_host(name: str) -> tuple[list[str], list[str]]:
    """What a host of this name may send, and hear; it may also answer what it is asked.

    Offers it hears as one of the group alone (`SUBJECT QUEUE`), else it would hear those of all others.
    """
    sends = [f"{_ROOT}.{kind}.{name}.*" for kind in ("state", "event", "ask")]
    hears = [f"{_ROOT}.place.* {HOSTS}", f"{_ROOT}.host.{name}.>", f"{inboxes(f'host-{name}')}.>"]
    return sends, hears


def of_front(name: str) -> tuple[list[str], list[str]]:
    """What a front may send, and hear: what is kept (`$KV`, and what JetStream needs for that) is its alone."""
    kept = ["$JS.API.>", "$JS.FC.>", "$JS.ACK.>", "$KV.>"]
    sends = [f"{_ROOT}.place.*", f"{_ROOT}.host.>", TELLINGS, "_INBOX.*.>", *kept]
    hears = [STATES, EVENTS, ASKS, TELLINGS, f"{inboxes(f'front-{name}')}.>"]
    return sends, hears
