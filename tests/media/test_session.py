from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from gateway.errors import BadOffer, ConfigError, GatewayError
from gateway.media.ears import Ears
from gateway.media.echo import Echo
from gateway.media.exchange import ASKS_AT_ONCE
from gateway.media.here import BotsHere
from gateway.media.seat import Seat
from gateway.media.session import Session
from gateway.media.states import TRANSITIONS, Event, IllegalEvent, State, next_state
from gateway.sections import Limits
from gateway.settings import Settings
from gateway.wire import talk
from gateway.wire.calls import (
    CandidateItem,
    CommandCall,
    OfferCall,
    PatchCall,
    RenegotiateCall,
    SessionEvent,
)
from tests.support.gateway import BOTS
from tests.support.offers import captured, replaced
from tests.support.waiting import until

ILLEGAL = [(s, e) for s in State for e in Event if (s, e) not in TRANSITIONS]


@pytest.mark.parametrize(("state", "event"), TRANSITIONS)
def test_a_legal_event_leads_where_the_table_says(state: State, event: Event) -> None:
    assert next_state(state, event) is TRANSITIONS[state, event]


@pytest.mark.parametrize(("state", "event"), ILLEGAL)
async def test_an_illegal_event_raises_and_changes_nothing(
    state: State, event: Event, new: Callable[..., Session], events: list[SessionEvent]
) -> None:
    session = new()
    session.state = state
    with pytest.raises(IllegalEvent, match=f"{state} takes no {event}"):
        session._advance(event)
    assert session.state is state
    assert events == []


def test_every_state_but_the_end_can_be_left_and_the_end_cannot() -> None:
    assert {state for state, _ in TRANSITIONS} == set(State) - {State.ENDED}


def test_an_illegal_event_is_no_clients_fault() -> None:
    assert (IllegalEvent.code, IllegalEvent.status) == (GatewayError.code, GatewayError.status)


def test_every_state_is_reached() -> None:
    assert set(TRANSITIONS.values()) == set(State) - {State.NEGOTIATING}


@pytest.fixture
def events() -> list[SessionEvent]:
    return []


@pytest.fixture
async def new(events: list[SessionEvent]) -> AsyncIterator[Callable[..., Session]]:
    made: list[Session] = []

    def make(bot: str = "echo", offer: str = "libpeer", **limits: float) -> Session:
        call = OfferCall(
            session_id="s1",
            sdp=captured(offer),
            type="offer",
            client="device" if offer == "libpeer" else "browser",  # type: ignore[arg-type]
            device="kitchen",
            bot=bot,
            address="127.0.0.1",
            remote="127.0.0.1",
        )
        settings = Settings(limits=Limits(**limits))  # type: ignore[arg-type]
        made.append(Session(call, settings, events.append, BotsHere(settings), Ears(settings)))
        return made[-1]

    yield make
    for session in made:
        if session.state in {State.CONNECTING, State.LIVE}:
            await session.close("stopping")


def kinds(events: list[SessionEvent]) -> list[str]:
    """What happened, with the states of a session in place of its events."""
    found = [e.data.get("state") or e.data.get("reason") or e.kind for e in events]
    return [x for i, x in enumerate(found) if i == 0 or found[i - 1] != x]


async def test_a_call_goes_from_offer_to_end(new: Callable[..., Session], events: list[SessionEvent]) -> None:
    session = new()
    answer = await session.start()
    assert (answer.type, answer.pc_id) == ("answer", session.pc_id)
    assert session.state is State.CONNECTING
    await session.close("stopping")
    assert str(session.state) == "ended"  # mypy holds the attribute to what it was above
    assert kinds(events) == ["connecting", "closing", "stopping"]


async def test_closing_twice_ends_once(new: Callable[..., Session], events: list[SessionEvent]) -> None:
    session = new()
    await session.start()
    await asyncio.gather(session.close("replaced"), session.close("stopping"))
    assert [e.data for e in events if e.kind == "ended"] == [{"reason": "replaced"}]


async def test_a_call_that_never_connects_ends(
    new: Callable[..., Session], events: list[SessionEvent]
) -> None:
    session = new(connect_timeout_s=0.1)
    await session.start()
    await until(lambda: session.state is State.ENDED, "the session has ended")
    assert kinds(events)[-1] == "connect_timeout"


async def test_a_bot_that_cannot_be_loaded_ends_the_session(
    new: Callable[..., Session], events: list[SessionEvent]
) -> None:
    with pytest.raises(ConfigError):
        await new(str(BOTS / "gone.py")).start()
    assert kinds(events) == ["closing", "failed"]


async def test_an_offer_that_aiortc_cannot_take_is_a_bad_offer(new: Callable[..., Session]) -> None:
    session = new()
    session.call = session.call.model_copy(
        update={"sdp": replaced(captured("libpeer"), "a=ssrc:6", "a=ssrc:x")}
    )
    with pytest.raises(BadOffer):
        await session.start()
    assert session.state is State.ENDED


async def test_an_ended_call_takes_no_further_offer(new: Callable[..., Session]) -> None:
    session = new()
    await session.start()
    await session.close("client_left")
    call = RenegotiateCall(
        session_id="s1", sdp=captured("libpeer"), type="offer", restart_pc=True, address="127.0.0.1"
    )
    with pytest.raises(BadOffer, match="ended"):
        await session.renegotiate(call)


async def test_a_restart_has_the_whole_time_to_connect(new: Callable[..., Session]) -> None:
    session = new(connect_timeout_s=3_600)
    await session.start()
    session._since -= 3_601
    call = RenegotiateCall(
        session_id="s1", sdp=captured("libpeer"), type="offer", restart_pc=True, address="127.0.0.1"
    )
    await session.renegotiate(call)
    session._stirred.set()
    await until(lambda: not session._stirred.is_set(), "the watch has looked")
    assert session.state is State.CONNECTING


@pytest.mark.parametrize("text", ["nonsense", "candidate:x", "candidate:1 1 udp x 127.0.0.1 9 typ host"])
async def test_what_is_no_candidate_is_a_bad_offer(new: Callable[..., Session], text: str) -> None:
    session = new()
    await session.start()
    item = CandidateItem(candidate=text, sdp_mid="audio", sdp_mline_index=0)
    with pytest.raises(GatewayError) as caught:
        await session.patch(PatchCall(session_id="s1", candidates=[item]))
    assert caught.value.status == 422


@pytest.mark.parametrize(
    ("mid", "index"), [("audio", 0), (None, 0), ("audio", None), ("gone", None), (None, 99), (None, None)]
)
async def test_a_candidate_of_any_section_is_taken_or_refused(
    new: Callable[..., Session], mid: str | None, index: int | None
) -> None:
    session = new()
    await session.start()
    text = "candidate:1 1 udp 1 127.0.0.1 9 typ host"
    items = [CandidateItem(candidate=c, sdp_mid=mid, sdp_mline_index=index) for c in (text, "")]
    try:
        await session.patch(PatchCall(session_id="s1", candidates=items))
    except GatewayError as error:
        assert error.status == 422  # noqa: PT017


async def test_a_device_that_is_to_be_louder_has_its_echo_learnt_anew(
    new: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[Echo] = []

    def note(echo: Echo) -> None:
        forgotten.append(echo)

    monkeypatch.setattr(Echo, "forget", note)
    session = new()
    session.command(CommandCall(session_id="s1", command="led", value=5))
    assert not forgotten
    session.command(CommandCall(session_id="s1", command="volume", value=90))
    assert len(forgotten) == 1


async def test_a_bot_that_asks_with_too_much_is_told_so(
    new: Callable[..., Session], events: list[SessionEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[talk.Told] = []

    def note(_seat: Seat, what: talk.Told) -> None:
        told.append(what)

    session = new()
    await session.start()
    monkeypatch.setattr(Seat, "tell", note)
    session._exchange.told(talk.Ask(id=3, tool="tools", arguments={"a": 250_000 * "\x7f"}))
    [done] = told
    assert isinstance(done, talk.Done)
    assert (done.id, done.ok, done.result["code"]) == (3, False, "bad_request")
    assert not [event for event in events if event.kind == "ask"]


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else 1


async def test_a_bot_that_asks_too_often_is_told_so(
    new: Callable[..., Session], events: list[SessionEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[talk.Told] = []
    monkeypatch.setattr(Seat, "tell", lambda _seat, what: told.append(what))
    session = new()
    await session.start()
    session._exchange._asks._clock = lambda: 0.0  # all of them in one moment
    for n in range(1_000):
        session._exchange.told(talk.Ask(id=n, tool="tools"))
    assert len([event for event in events if event.kind == "ask"]) == ASKS_AT_ONCE
    refused = [done for done in told if isinstance(done, talk.Done)]
    assert [(done.id, done.result["code"]) for done in refused] == [
        (n, "busy") for n in range(ASKS_AT_ONCE, 1_000)
    ]


async def test_a_call_that_can_not_be_told_of_ends_all_the_same(
    new: Callable[..., Session], events: list[SessionEvent]
) -> None:
    session = new()
    await session.start()
    tell = session._exchange._emit

    def refuse(event: SessionEvent) -> None:
        if event.kind == "session":
            raise ValueError("Maximum serialization depth exceeded")
        tell(event)

    session._exchange._emit = refuse
    await session.close("stopping")
    assert session.state is State.ENDED
    assert events[-1].kind == "ended"


@pytest.mark.parametrize("data", [{"t": "x", "d": float("nan")}, {"t": "x", "d": "\ud800"}, nested(40)])
async def test_a_message_of_the_client_that_is_not_plain_reaches_neither_bot_nor_page(
    new: Callable[..., Session], monkeypatch: pytest.MonkeyPatch, data: Any
) -> None:
    told: list[talk.Told] = []

    def note(_seat: Seat, what: talk.Told) -> None:
        told.append(what)

    session = new()
    await session.start()
    monkeypatch.setattr(Seat, "tell", note)
    await session._exchange._take_message(None, {"type": "client-message", "data": data})
    await session._exchange._take_message(None, {"type": "client-message", "data": 7})
    assert told == [talk.App(message={"type": "client-message", "data": 7})]


async def test_a_session_describes_itself(new: Callable[..., Session]) -> None:
    session = new()
    found: dict[str, Any] = session.describe()
    assert found["media"] is None
    del found["started_at"]
    del found["media"]
    assert found == {
        "id": "s1",
        "device": "kitchen",
        "client": "device",
        "address": "127.0.0.1",
        "bot": "echo",
        "state": "negotiating",
        "figures": None,
        "has": None,
        "tools": [],
    }


async def test_a_bot_that_asks_for_the_whole_connection_fails_in_the_call_that_asked(
    new: Callable[..., Session],
) -> None:
    asked, other = new(), new()
    for session in (asked, other):
        await session.start()
        session._exchange._wholes = asked._exchange._wholes  # as in one process
    asked._exchange.told(talk.Whole())
    assert (asked._connected_over(), other._connected_over()) == ("bot_failed", None)


async def test_a_bot_that_hangs_up_is_no_client_that_left(new: Callable[..., Session]) -> None:
    session = new()
    await session.start()
    seat = session._exchange.seat
    assert seat is not None
    assert session._connected_over() is None
    seat._told(talk.HangUp())  # as a bot with the whole connection does, and closes that
    assert session._connected_over() == "bot_ended"
