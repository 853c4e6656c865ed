"""An answer with the addresses by which clients reach us through a NAT that maps ports one to one. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Final

_ADDRESS, _PORT, _TYPE = 4, 5, 7
"""Words of `a=candidate:` (RFC 8839, section 5.1)."""
_SRFLX_PRIORITY: Final = (100 << 24) + (65_535 << 8) + 255
"""RFC 8445, section 5.1.2.1."""


def for_device(answer: str, addresses: Sequence[str]) -> str:
    """In the place of its one candidate's address; a small client knows no other kind."""
    lines = []
    for line in answer.splitlines():
        words = line.split()
        at = _ADDRESS if line.startswith("a=candidate:") else 2 if line.startswith("c=IN IP") else None
        if at is not None and (address := _of_kind(words[at], addresses)) is not None:
            words[at] = address
            line = " ".join(words)  # noqa: PLW2901
        lines.append(line)
    return "\r\n".join(lines) + "\r\n"


def for_browser(answer: str, addresses: Sequence[str]) -> str:
    """Beside its own candidates, as server-reflexive ones."""
    if not addresses:
        return answer
    lines: list[str] = []
    for line in answer.splitlines():
        lines.append(line)
        words = line.split()
        if not line.startswith("a=candidate:") or words[_TYPE] != "host":
            continue
        if (address := _of_kind(words[_ADDRESS], addresses)) is not None:
            found = f"{words[0]}9 {words[1]} {words[2]} {_SRFLX_PRIORITY} {address} {words[_PORT]}"
            lines.append(f"{found} typ srflx raddr {words[_ADDRESS]} rport {words[_PORT]}")
    return "\r\n".join(lines) + "\r\n"


def _of_kind(address: str, addresses: Sequence[str]) -> str | None:
    """The advertised address of this one's version; loopback is reached by nobody else."""
    try:
        own = ipaddress.ip_address(address)
    except ValueError:
        return None
    if own.is_loopback:
        return None
    return next((a for a in addresses if ipaddress.ip_address(a).version == own.version), None)
