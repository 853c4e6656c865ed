"""Which of a device's calls at several fronts goes on."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from gateway.front.access import Caller
from gateway.front.calls import Calls, Owner
from gateway.front.neighbours import Neighbours
from gateway.front.registry import Role
from gateway.front.sharing import Board
from gateway.wire.calls import KeptCall, Order

EARLY, LATE = (1.0, 7), (1.0, 8)


def kept(session_id: str, order: Order | None) -> KeptCall:
    owner = Owner(Caller("127.0.0.1", "kitchen", Role.DEVICE, "k"), None, Board(None, "127.0.0.1"))
    return KeptCall(
        session_id=session_id,
        pc_id=session_id,
        device="kitchen",
        owner=asdict(owner),
        described={},
        order=order,
    )


@pytest.mark.parametrize(
    ("first", "second", "outdone"),
    [
        (EARLY, LATE, ["first"]),
        (LATE, EARLY, ["second"]),
        (None, EARLY, ["first"]),  # of before its host's last start
        (None, None, []),
    ],
)
def test_all_but_the_last_one_are_outdone(
    first: Order | None, second: Order | None, outdone: list[str]
) -> None:
    calls = Calls(Neighbours())
    calls.adopt(kept("first", first))
    calls.adopt(kept("second", second))
    assert calls.outdone("kitchen") == outdone
