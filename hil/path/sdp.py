"""Candidates in offers and answers: read, and replaced by a relay's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_LINE: Final = re.compile(
    r"^a=candidate:(\S+) (\d+) (\S+) (\d+) (\S+) (\d+) typ (\S+)(.*?)(\r?)$", re.MULTILINE
)


class NoCandidate(ValueError):
    """A description without a UDP candidate that a relay could stand in for."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Where media can be sent (RFC 8839, section 5.1)."""

    address: str
    port: int


def first_candidate(sdp: str) -> Candidate:
    """The first UDP candidate over IPv4.

    Raises:
        NoCandidate: there is none.
    """
    for match in _LINE.finditer(sdp):
        if _is_usable(match):
            return Candidate(match[5], int(match[6]))
    raise NoCandidate("no UDP candidate over IPv4 in the description; the rig relays no other")


def through(sdp: str, relay: Candidate) -> str:
    """The description with its first usable candidate at the relay, and without any other."""
    kept: list[str] = []

    def replace(match: re.Match[str]) -> str:
        if kept or not _is_usable(match):
            return "\0"
        kept.append(match[0])
        kind = f"{match[1]} {match[2]} {match[3]} {match[4]}"
        return f"a=candidate:{kind} {relay.address} {relay.port} typ host{match[9]}"

    return re.sub("\0\n?", "", _LINE.sub(replace, sdp))


def _is_usable(match: re.Match[str]) -> bool:
    return match[2] == "1" and match[3].lower() == "udp" and ":" not in match[5]
