"""How much of the log one source may fill: its first lines, then few, then how many more there were."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from loguru import logger

from gateway.rate import Buckets

if TYPE_CHECKING:
    from loguru import Record

SUMMARY_SECONDS: Final = 10.0
EACH_BURST, EACH_PER_SECOND = 20, 1
"""Of one source's lines of a kind. The kind is the place in the code, the source a session, an address or nobody."""
ALL_BURST, ALL_PER_SECOND = 200, 10
"""Of all sources' lines of a kind: one machine can have any number of addresses."""
_MAX_SAMPLE: Final = 200
_KEPT: Final = ("name", "function", "line", "level", "message", "extra")

Later = Callable[[float, Callable[[], None]], None]
_Kind = tuple[str | None, int]


@dataclass(slots=True)
class _Held:
    first: dict[str, Any]
    source: str | None
    count: int = 0


def _after(seconds: float, call: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()


class Flood:
    """Says of each record whether it may be written; of those that may not it tells the number, a while later.

    Args:
        clock: seconds, monotonic.
        later: has something called after so many seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, later: Later = _after) -> None:
        self._each = Buckets(EACH_BURST, EACH_PER_SECOND, clock)
        self._all = Buckets(ALL_BURST, ALL_PER_SECOND, clock)
        self._later = later
        self._held: dict[_Kind, _Held] = {}
        self._lock = threading.RLock()  # a finaliser may log at any time, this thread's within it too

    def passes(self, record: Record) -> bool:
        """Whether it may be written; a record with `held` is what we tell ourselves."""
        if "held" in record["extra"]:
            return True
        kind = (record["name"], record["line"])
        with self._lock:
            if not self._each.take((source(record), kind)) and not self._all.take(kind):
                return True
            self._hold(kind, record)
        return False

    def _hold(self, kind: _Kind, record: Record) -> None:
        if not self._held:
            self._later(SUMMARY_SECONDS, self._tell)
        held = self._held.get(kind)
        if held is None:
            held = self._held[kind] = _Held({k: record[k] for k in _KEPT}, source(record))
        elif held.source != source(record):
            held.source = None
        held.count += 1

    def _tell(self) -> None:
        with self._lock:
            told, self._held = self._held, {}
        for held in told.values():
            _summarise(held)


def source(record: Record) -> str:
    """Whose doing a record is, as far as it tells: a session's, an address's, or `-`."""
    extra = record["extra"]
    session = extra.get("session", "-")
    return str(session if session != "-" else extra.get("address", "-"))


def _summarise(held: _Held) -> None:
    sample, extra = held.first["message"][:_MAX_SAMPLE], held.first["extra"]

    def as_those(record: Record) -> None:
        record.update({k: held.first[k] for k in ("name", "function", "line", "level")})  # type: ignore[typeddict-item]
        if held.source is not None:
            record["extra"].update(extra)

    text = "… {:,} more like this in the last {:g} s: {}"
    summary = logger.patch(as_those).bind(held=held.count)
    summary.log(held.first["level"].no, text, held.count, SUMMARY_SECONDS, sample)
