from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.front.telemetry import KEPT_TRANSCRIPTS, KEPT_TURNS, Telemetry
from gateway.wire.calls import SessionEvent
from tests.support.waiting import until

MEDIA = {
    "rtt_ms": 3.0, "far_jitter_ms": None, "far_loss": 0.0, "jitter_ms": 1.5, "loss": 0.25, "delay_ms": 40.0,
    "concealed": 0, "late": 0,
}  # fmt: skip
TURN = {
    "session": "s1",
    "at": 1.0,
    "user": "what time is it",
    "bot": "noon",
    "stages_ms": {"turn": 200.0, "transcript": 50.0, "text": None, "audio": 100.0, "packet": 20.0},
    "total_ms": 370.0,
}


def session(session_id: str = "s1", state: str = "live", media: dict[str, Any] | None = None) -> SessionEvent:
    data = {"id": session_id, "state": state, "media": media}
    return SessionEvent(kind="session", session_id=session_id, data=data)


def ended(session_id: str = "s1", reason: str = "client_left") -> SessionEvent:
    return SessionEvent(kind="ended", session_id=session_id, data={"reason": reason})


def transcript(text: str, *, final: bool = True) -> SessionEvent:
    data = {"session": "s1", "at": 1.0, "who": "user", "text": text, "final": final}
    return SessionEvent(kind="transcript", session_id="s1", data=data)


def metrics(telemetry: Telemetry) -> dict[str, float]:
    lines = telemetry.metrics().decode().splitlines()
    return {k: float(v) for k, v in (x.rsplit(" ", 1) for x in lines if not x.startswith("#"))}


def test_a_session_is_known_until_it_ends() -> None:
    telemetry = Telemetry()
    telemetry.take(1, session())
    assert telemetry.sessions == {"s1": {"id": "s1", "state": "live", "media": None, "worker": 1}}
    telemetry.take(1, ended())
    assert telemetry.sessions == {}


def test_an_end_that_was_never_a_session_is_counted_all_the_same() -> None:
    telemetry = Telemetry()
    telemetry.take(0, ended(reason="failed"))
    assert metrics(telemetry)['voicegw_sessions_ended_total{reason="failed"}'] == 1


def test_sessions_are_counted_by_state() -> None:
    telemetry = Telemetry()
    for i, state in enumerate(["live", "live", "connecting"]):
        telemetry.take(0, session(f"s{i}", state))
    found = metrics(telemetry)
    assert found['voicegw_sessions{state="live"}'] == 2
    assert found['voicegw_sessions{state="connecting"}'] == 1
    assert found['voicegw_sessions{state="closing"}'] == 0


def test_media_figures_are_there_while_the_session_is() -> None:
    telemetry = Telemetry()
    telemetry.take(0, session(media=MEDIA))
    assert metrics(telemetry)['voicegw_media_loss{session="s1"}'] == 0.25
    assert 'voicegw_media_far_jitter_ms{session="s1"}' not in metrics(telemetry)
    telemetry.take(0, ended())
    assert not [name for name in metrics(telemetry) if "s1" in name]


def test_media_figures_go_even_if_the_last_report_had_none() -> None:
    telemetry = Telemetry()
    telemetry.take(0, session(media=MEDIA))
    telemetry.take(0, session(state="closing", media=None))
    telemetry.take(0, ended())
    assert not [name for name in metrics(telemetry) if "s1" in name]


def test_turns_are_kept_and_their_stages_observed() -> None:
    telemetry = Telemetry()
    telemetry.take(0, SessionEvent(kind="turn", session_id="s1", data=TURN))
    assert list(telemetry.turns) == [TURN]
    found = metrics(telemetry)
    assert found['voicegw_turn_stage_seconds_count{stage="turn"}'] == 1
    assert found['voicegw_turn_stage_seconds_sum{stage="turn"}'] == pytest.approx(0.2)
    assert 'voicegw_turn_stage_seconds_count{stage="text"}' not in found


def test_stages_that_nobody_knows_are_no_figures() -> None:
    telemetry = Telemetry()
    before = len(telemetry.metrics())
    for n in range(100):
        turn = {**TURN, "stages_ms": {f"s{n}": 1.0}}
        telemetry.take(0, SessionEvent(kind="turn", session_id="s1", data=turn))
    assert len(telemetry.metrics()) == before
    assert telemetry.turns[-1]["stages_ms"] == {}


def test_only_final_transcripts_are_kept() -> None:
    telemetry = Telemetry()
    telemetry.take(0, transcript("what", final=False))
    telemetry.take(0, transcript("what time is it"))
    assert [t["text"] for t in telemetry.transcripts] == ["what time is it"]


def test_what_is_kept_is_bounded() -> None:
    telemetry = Telemetry()
    for i in range(1_000):
        telemetry.take(0, transcript(str(i)))
        telemetry.take(0, SessionEvent(kind="turn", session_id="s1", data=TURN))
    assert (len(telemetry.turns), len(telemetry.transcripts)) == (KEPT_TURNS, KEPT_TRANSCRIPTS)
    assert telemetry.transcripts[-1]["text"] == "999"


def test_offers_are_counted_by_outcome() -> None:
    telemetry = Telemetry()
    for outcome in ("answered", "answered", "no_audio"):
        telemetry.count_offer(outcome)
    found = metrics(telemetry)
    assert found['voicegw_offers_total{outcome="answered"}'] == 2
    assert found['voicegw_offers_total{outcome="no_audio"}'] == 1


class Page:
    """A reader of the events."""

    def __init__(self, telemetry: Telemetry) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._telemetry = telemetry
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for event in self._telemetry.events():
            self.events.append(event)

    async def subscribed(self, count: int = 1) -> None:
        await until(lambda: len(self._telemetry._subscribers) == count, "the page is subscribed")


async def test_every_page_is_told_of_every_event() -> None:
    telemetry = Telemetry()
    pages = [Page(telemetry), Page(telemetry)]
    await pages[1].subscribed(2)
    telemetry.take(3, session())
    telemetry.take(3, ended(reason="vanished"))
    await until(lambda: all(len(p.events) == 2 for p in pages), "both pages have both events")
    assert pages[0].events == [
        ("session", {"id": "s1", "state": "live", "media": None, "worker": 3}),
        ("ended", {"reason": "vanished", "session": "s1"}),
    ]
    telemetry.stop()
    await asyncio.gather(*(p.task for p in pages))


async def test_a_page_that_lags_is_cut_off_and_no_other() -> None:
    telemetry = Telemetry()
    slow = telemetry.events()
    pending = asyncio.ensure_future(anext(slow))
    page = Page(telemetry)
    await page.subscribed(2)
    for batch in range(20):
        for i in range(50):
            telemetry.publish("transcript", {"i": batch * 50 + i})
        await until(lambda n=batch: len(page.events) == (n + 1) * 50, "the page keeps up")  # type: ignore[misc]
    assert (await pending)[1] == {"i": 0}
    left = [event async for event in slow]
    assert len(left) < 1_000
    assert not page.task.done()
    telemetry.stop()
    await page.task


async def test_a_page_that_goes_is_forgotten() -> None:
    telemetry = Telemetry()
    page = Page(telemetry)
    await page.subscribed()
    page.task.cancel()
    await asyncio.gather(page.task, return_exceptions=True)
    assert telemetry._subscribers == set()


async def test_stopping_ends_all_streams() -> None:
    telemetry = Telemetry()
    page = Page(telemetry)
    await page.subscribed()
    for _ in range(300):
        telemetry.publish("session", {})
    telemetry.stop()
    await asyncio.wait_for(page.task, 10)


def test_how_full_the_workers_are() -> None:
    text = Telemetry().metrics([{"worker": 1, "load": 0.4}]).decode()
    assert 'voicegw_load{worker="1"} 0.4' in text
