"""Whose the calls of hosts are, and which of them are over: what their seals say holds until a later call's does."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from gateway.wire.calls import KeptCall, Order

MOST_ENDED: Final = 4_096
"""Calls of which a host may still tell: what it answers and what it tells overtake each other."""
MOST_DEVICES: Final = 65_536
_EARLIEST: Final[Order] = (0.0, 0)
"""Of calls of which none is the later one: a browser's."""


class Ledger:
    """Of all hosts' calls."""

    def __init__(self) -> None:
        self._calls: dict[str, KeptCall] = {}
        self._latest: OrderedDict[str, Order] = OrderedDict()
        """Of each device's calls."""
        self._ended: OrderedDict[str, Order] = OrderedDict()

    def noted(self, call: KeptCall) -> KeptCall | None:
        """Note a call, as far as it is believed; gives it as it counts now.

        It is no device's where that has had a later one, whatever its host says. `None`: it has ended already.
        """
        if self._is_over(call):
            return None
        self._ended.pop(call.session_id, None)
        if self._is_outdone(call):
            call = call.model_copy(update={"device": None})
        elif call.device is not None and call.order is not None:
            _keep(self._latest, call.device, call.order, MOST_DEVICES)
        self._calls[call.session_id] = call
        return call

    def device(self, session_id: str) -> str | None:
        """Whose call it is, while its device has had no later one."""
        call = self._calls.get(session_id)
        return None if call is None or self._is_outdone(call) else call.device

    def forget(self, session_id: str) -> None:
        """It is out of sight."""
        self._calls.pop(session_id, None)

    def end(self, session_id: str) -> None:
        """It is over, as its host says."""
        call = self._calls.get(session_id)
        order = call.order if call is not None else None
        _keep(self._ended, session_id, order or _EARLIEST, MOST_ENDED)

    def has_ended(self, session_id: str) -> bool:
        return session_id in self._ended

    def _is_over(self, call: KeptCall) -> bool:
        """One of `/start` may be called again: a device's by a later call, anybody else's by any."""
        ended = self._ended.get(call.session_id)
        return ended is not None and (ended > _EARLIEST if call.order is None else call.order <= ended)

    def _is_outdone(self, call: KeptCall) -> bool:
        latest = self._latest.get(call.device or "")
        return latest is not None and (call.order or _EARLIEST) < latest


def _keep(kept: OrderedDict[str, Order], key: str, order: Order, most: int) -> None:
    kept[key] = order
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
