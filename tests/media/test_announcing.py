from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from gateway.errors import GatewayError
from gateway.media import announcing
from gateway.media.announcing import Announcing, means_stop
from gateway.media.sounds import RATE, sound
from gateway.wire.calls import SayCall
from tests.support.waiting import until

WORDS = b"\x01\x02" * 800


class Call:
    """What is around: notes what is said, sent and told."""

    def __init__(self, voice: bytes | None = WORDS) -> None:
        self.voice = voice
        self.pcm = bytearray()
        self.hushed = 0
        self.sent: list[dict[str, Any]] = []
        self.ended: list[tuple[int, str]] = []
        self.own = Announcing(
            self.say, self.hush, self.sent.append, speak=self.speak, ended=self.end, session_id="s1"
        )

    def say(self, pcm: bytes, _rate: int) -> None:
        self.pcm += pcm

    def hush(self) -> None:
        self.hushed += 1

    async def speak(self, _text: str) -> tuple[bytes, int]:
        if self.voice is None:
            raise GatewayError("no voice")
        return self.voice, RATE

    def end(self, number: int, how: str, _why: str) -> None:
        self.ended.append((number, how))

    def alerts(self) -> list[int]:
        """The loudness that the device was told, in order."""
        return [m["data"]["value"] for m in self.sent if m["data"]["command"] == "alert"]


@pytest_asyncio.fixture
async def call(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Call]:
    monkeypatch.setattr(announcing, "PAUSE_SECONDS", 0.01)
    made = Call()
    yield made
    await made.own.close()


def ring(number: int = 1) -> SayCall:
    return SayCall(session_id="s1", number=number, text="Done.", sound="ring", volume=50, until_stopped=True)


def text(number: int, words: str = "Hello.") -> SayCall:
    return SayCall(session_id="s1", number=number, text=words)


async def test_one_is_said_after_the_other(call: Call) -> None:
    call.own.put(text(1))
    call.own.put(text(2))
    await until(lambda: len(call.ended) == 2, "both are said")
    assert call.ended == [(1, "done"), (2, "done")]
    assert bytes(call.pcm) == WORDS * 2
    assert call.alerts() == []


async def test_it_rings_again_and_again_until_it_is_stopped(call: Call) -> None:
    call.own.put(ring())
    once = len(sound("ring"))
    await until(lambda: len(call.pcm) >= 2 * once + len(WORDS), "it rings a second time")
    assert call.own.rings
    assert bytes(call.pcm[:once]) == sound("ring")
    assert bytes(call.pcm[once : once + len(WORDS)]) == WORDS
    hushed = call.hushed
    call.own.stop_ringing()
    await until(lambda: bool(call.ended), "it has ended")
    assert call.ended == [(1, "stopped")]
    assert call.hushed == hushed + 1
    assert call.alerts() == [50, 0]
    assert not call.own.speaks


async def test_what_nobody_stops_ends_unheard(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcing, "RING_SECONDS", 0.0)
    call.own.put(ring())
    await until(lambda: bool(call.ended), "it has ended")
    assert call.ended == [(1, "unheard")]


async def test_without_a_voice_it_rings_all_the_same(call: Call) -> None:
    call.voice = None
    call.own.put(text(1))
    call.own.put(ring(2))
    await until(lambda: len(call.pcm) > 2 * len(sound("ring")), "it rings a second time")
    assert call.ended == [(1, "failed")]


async def test_a_front_that_asks_again_is_told_and_nothing_is_said_twice(call: Call) -> None:
    call.own.put(text(1))
    call.own.put(text(1))
    await until(lambda: bool(call.ended), "it has ended")
    call.own.put(text(1))
    assert call.ended == [(1, "done"), (1, "done")]
    assert bytes(call.pcm) == WORDS


async def test_what_waits_can_be_taken_back(call: Call) -> None:
    call.own.put(ring(1))
    call.own.put(text(2))
    await until(lambda: call.own.rings, "it rings")
    call.own.stop(2)
    assert call.ended == [(2, "stopped")]
    assert call.own.rings


async def test_a_call_that_ends_tells_nothing_of_what_it_cuts_off(call: Call) -> None:
    call.own.put(ring())
    await until(lambda: call.own.speaks, "it rings")
    await call.own.close()
    assert call.ended == []


@pytest.mark.parametrize("heard", ["Stop!", "okay", "Thank you.", "turn it off", " STOP  the timer "])
def test_people_stop_it_so(heard: str) -> None:
    assert means_stop(heard)


@pytest.mark.parametrize(
    "heard",
    [
        *("Stop, stop, stop!", "Yes, stop it now.", "cancel the alarm", "turn that off please"),
        *(
            "Thank you very much!",
            "all right",
            "stop beeping",
            "Alright, alright!",
            "Alexa, stop!",
            "okay nabu stop",
        ),
        *(
            "can you stop that please",
            "just stop",
            "make it stop",
            "shhh",
            "never mind",
            "I got it",
            "I'm awake",
        ),
    ],
)
def test_and_in_more_words(heard: str) -> None:
    assert means_stop(heard)


@pytest.mark.parametrize(
    "heard", ["", "what time is it", "don't stop", "stop by the shop", "stop the egg timer", "snooze"]
)
def test_and_not_so(heard: str) -> None:
    assert not means_stop(heard)


def test_ring_and_chime_are_heard_and_differ() -> None:
    for name in ("ring", "chime"):
        samples = np.frombuffer(sound(name), np.int16)
        assert np.abs(samples).max() > 5_000
        assert len(samples) < 2 * RATE
    assert sound("ring") != sound("chime")
    assert sound("none") == b""


async def test_the_bot_is_let_speak_between_rings(call: Call) -> None:
    call.own.put(ring())
    await until(lambda: call.own.speaks, "it rings")
    await until(lambda: not call.own.speaks, "it pauses")
    call.own.bot_spoke()
    said = len(call.pcm)
    await asyncio.sleep(0)
    assert len(call.pcm) == said
