"""What a host brings back of a call is believed as far as a front has sealed it."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.front.challenge import prove
from gateway.front.places.seals import Opened, Seals
from gateway.wire.calls import KeptCall, Order

ORDER: Order = (1.5, 7)
PLAIN = KeptCall(
    session_id="s", pc_id="p", device="kitchen", owner={"caller": {"name": "kitchen"}}, described={}
)


def of(secret: bytes = b"fronts'") -> Seals:
    return Seals(lambda text: prove(secret, text.encode()))


def sealed(seals: Seals, host: str = "h1") -> KeptCall:
    call = PLAIN.model_copy(update={"order": ORDER})
    marks = {"seal": seals.of_call(call), "placed": seals.of_place("s", host, ORDER)}
    return call.model_copy(update=marks)


def test_what_comes_back_unchanged_is_believed() -> None:
    call = sealed(of())
    crossed = KeptCall.told({**call.model_dump(mode="json"), "pc_id": "p2"})
    assert of().opened(crossed, "h1") == Opened(crossed, placed=True)


@pytest.mark.parametrize(
    "other", [{"session_id": "t"}, {"device": "porch"}, {"device": None}, {"owner": {"caller": {}}}], ids=str
)
def test_another_call_or_owner_is_not(other: dict[str, Any]) -> None:
    assert of().opened(sealed(of()).model_copy(update=other), "h1") is None


def test_a_seal_of_another_secret_is_not() -> None:
    assert of().opened(sealed(of(b"a host's")), "h1") is None


@pytest.mark.parametrize("order", [(9e12, 9), None])
def test_another_order_is_none(order: Order | None) -> None:
    opened = of().opened(sealed(of()).model_copy(update={"order": order}), "h1")
    assert opened is not None
    assert (opened.call.order, opened.placed) == (None, False)


def test_another_host_was_not_given_it() -> None:
    opened = of().opened(sealed(of()), "h2")
    assert opened is not None
    assert (opened.call.device, opened.call.order, opened.placed) == (None, None, False)


def test_one_without_a_seal_is_no_devices_and_replaces_nobody() -> None:
    opened = of().opened(PLAIN.model_copy(update={"order": ORDER}), "h1")
    assert opened is not None
    assert (opened.call.device, opened.call.order, opened.placed) == (None, None, False)


def test_without_the_secret_nothing_is_believed() -> None:
    blind = Seals(lambda _: None)
    assert not blind.ready
    assert blind.opened(sealed(of()), "h1") is None
