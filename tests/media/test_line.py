"""A call on the phone, in the process of its bot: what a bot may tell of it, and what it may not."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.media.here import BotsHere
from gateway.media.line import Line
from gateway.media.states import State
from gateway.settings import Settings
from gateway.wire import talk
from gateway.wire.calls import LineMessage, PhoneCall, SessionEvent
from gateway.wire.frames import FrameError
from tests.support.gateway import BOTS


@pytest.fixture
def events() -> list[SessionEvent]:
    return []


@pytest.fixture
async def line(events: list[SessionEvent]) -> AsyncIterator[Line]:
    call = PhoneCall(session_id="s1", provider="twilio", bot=str(BOTS / "never_ready.py"), remote="192.0.2.1")
    settings = Settings()
    made = Line(call, settings, events.append, BotsHere(settings))
    yield made
    await made.close("stopping")


TURN = talk.Turn(at=1.0, user="u", bot="b", stages_ms={}, total_ms=1.0)
TOOL = talk.Tool(at=1.0, name="t", arguments="{}", result="1", ok=True, ms=1.0)
WORDS = talk.Transcript(at=1.0, who="user", text="hello", final=True)


@pytest.mark.parametrize(
    "told", [TURN, TOOL, WORDS, talk.Measures(items=[]), talk.Line(text="x")], ids=lambda told: str(told.t)
)
async def test_what_a_bot_tells_is_passed_on(
    line: Line, events: list[SessionEvent], told: talk.FromBot
) -> None:
    line.told(told)
    assert events[-1].kind == told.t
    assert events[-1].session_id == "s1"


async def test_a_bot_that_asks_for_a_devices_tools_is_told_that_there_are_none(
    line: Line, events: list[SessionEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[talk.Told] = []
    monkeypatch.setattr(line._seat, "tell", answers.append)
    before = len(events)
    line.told(talk.Ask(id=7, tool="volume"))
    why = {"code": "not_found", "message": "a phone has no tools", "remedy": "ask in a device's call"}
    assert answers == [talk.Done(id=7, ok=False, result=why)]
    assert len(events) == before


@pytest.mark.parametrize("told", [talk.Whole(), talk.App(message={})])
async def test_what_a_phone_has_not_ends_such_a_bot(line: Line, told: talk.FromBot) -> None:
    with pytest.raises(FrameError):
        line.told(told)


async def test_its_state_follows_its_bot_and_its_end_is_said_once(
    line: Line, events: list[SessionEvent]
) -> None:
    assert line.state is State.CONNECTING
    line.told(talk.Ready())
    assert line.describe()["state"] == "live"
    await line.close("client_left")
    await line.close("stopping")
    line.heard(LineMessage(session_id="s1", text="too late"))
    assert [e.data["reason"] for e in events if e.kind == "ended"] == ["client_left"]
