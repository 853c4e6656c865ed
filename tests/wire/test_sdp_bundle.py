"""Offers whose sections are bundled, ordered or rejected in unusual ways."""

from __future__ import annotations

import pytest

from gateway.media.ears import Ears
from gateway.media.here import BotsHere
from gateway.media.session import Session
from gateway.settings import Settings
from gateway.wire import sdp, sdp_plain
from gateway.wire.calls import OfferCall
from gateway.wire.sdp_lint import lint
from tests.support.offers import BROWSERS, DEVICES, captured, made, replaced


def data_first(group: str = "0 1") -> str:
    """An offer whose data channel stands before its audio; mids 1 and 0."""
    offer = replaced(made(), "BUNDLE 0 1", f"BUNDLE {group}")
    audio, data = offer.index("m=audio"), offer.index("m=application")
    return offer[:audio] + offer[data:] + offer[audio:data]


async def answer(offer: str) -> str:
    """What a device that makes this offer gets."""
    sdp.check_offer(offer)
    call = OfferCall(
        session_id="s1",
        sdp=offer,
        type="offer",
        client=sdp.Client.DEVICE,
        device=None,
        bot="echo",
        address="127.0.0.1",
        remote="127.0.0.1",
    )
    session = Session(call, Settings(), lambda _: None, BotsHere(Settings()), Ears(Settings()))
    found = await session.start()
    await session.close("stopping")
    return found.sdp


@pytest.mark.parametrize(
    "offer",
    [
        pytest.param(replaced(made(), "BUNDLE 0 1", "BUNDLE 1 0"), id="data leads the group"),
        pytest.param(data_first("0 1"), id="data first, audio leads the group"),
        pytest.param(data_first("1 0"), id="data first and leads the group"),
        pytest.param(replaced(made(video=True), "BUNDLE 0 1 2", "BUNDLE 2 1 0"), id="backwards"),
    ],
)
async def test_any_order_of_the_group_is_answered(offer: str) -> None:
    found = await answer(offer)
    assert lint(found, answer=True) == []
    assert [s.kind for s in sdp.parse(found).sections] == [s.kind for s in sdp.parse(offer).sections]
    assert any(sdp.parse(found).sections[0].values("candidate"))


@pytest.mark.parametrize("name", [*BROWSERS, *DEVICES])
def test_a_group_in_order_stays_as_it_is(name: str) -> None:
    spelt_out = sdp_plain.spelt_out(captured(name))
    assert spelt_out == captured(name).replace("a=end-of-candidates\r\n", "")


@pytest.mark.parametrize("kind", ["video", "application"])
async def test_what_an_offer_rejects_the_answer_rejects(kind: str) -> None:
    found = await answer(replaced(made(video=True), f"m={kind} 9", f"m={kind} 0"))
    description = sdp.parse(found)
    [section] = [s for s in description.sections if s.kind == kind]
    (mid,) = section.values("mid")
    assert section.rejected
    assert mid not in next(line for line in description.head if line.startswith("a=group")).split()
    assert lint(found, answer=True) == []


async def test_the_candidate_stands_in_the_first_section_that_is_taken() -> None:
    found = await answer(replaced(data_first(), "m=application 9", "m=application 0"))
    assert [len(list(s.values("candidate"))) for s in sdp.parse(found).sections] == [0, 1]
