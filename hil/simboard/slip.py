"""SLIP (RFC 1055), the framing of the ROM loader: pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

END = b"\xc0"
ESC = b"\xdb"
ESC_END = b"\xdb\xdc"
ESC_ESC = b"\xdb\xdd"
ESCAPE = re.compile(rb"\xdb.?", re.DOTALL)
PLAIN = {ESC_END: END, ESC_ESC: ESC}


def encode(payload: bytes) -> bytes:
    """One frame, with a delimiter on both sides as the loader sends it."""
    return END + payload.replace(ESC, ESC_ESC).replace(END, ESC_END) + END


class Decoder:
    """Bytes in, payloads out. What is longer than `limit` or escaped wrongly is dropped up to the next delimiter."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pending = bytearray()
        self._overrun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The payloads that these bytes complete; empty ones are gaps between frames and are left out."""
        *ended, rest = data.split(END)
        for piece in ended:
            self._take(piece)
            payload = self._finish()
            if payload:
                yield payload
        self._take(rest)

    def reset(self) -> None:
        """Forget what has begun."""
        self._pending.clear()
        self._overrun = False

    def _take(self, piece: bytes) -> None:
        self._overrun = self._overrun or len(self._pending) + len(piece) > self._limit
        if not self._overrun:
            self._pending += piece

    def _finish(self) -> bytes | None:
        raw = bytes(self._pending)
        payload = None if self._overrun else _unescape(raw)
        self.reset()
        return payload


def _unescape(raw: bytes) -> bytes | None:
    """None where an escape is not one of the two."""
    if any(escape not in PLAIN for escape in ESCAPE.findall(raw)):
        return None
    return ESCAPE.sub(lambda found: PLAIN[found[0]], raw)
