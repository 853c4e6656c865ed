"""A question and its answer."""

from __future__ import annotations

import re
import time

import pytest

from hil.board import Board
from hil.gateway import Gateway
from hil.network import Link
from hil.record.results import Measuring

pytestmark = [pytest.mark.clip, pytest.mark.audio_out]
_STAGES = {
    "turn": "end of speech",
    "transcript": "recogniser",
    "text": "understanding",
    "audio": "voice",
    "packet": "to the wire",
    "speaker": "to the speaker",
}


@pytest.fixture
def talking(board: Board, link: Link, assistant: Gateway) -> Board:
    link.point_at(assistant.url, "assistant")
    board.live()
    board.reconnect()
    board.console.wait(lambda e: e["event"] == "bot_ready", "the bot is ready", 30)
    time.sleep(4.0)  # a simulated board has begun to speak at power-on
    return board


def _ask(board: Board) -> tuple[str, str]:
    since = board.console.mark()
    board.ask("inject clip")
    told = board.console.wait(
        lambda e: e["event"] == "transcript" and e["who"] == "user" and e["final"],
        "what it heard",
        40,
        since=since,
    )
    answer = board.console.wait(
        lambda e: e["event"] == "transcript" and e["who"] == "bot", "an answer", 40, since=since
    )
    return told["text"], answer["text"]


def test_a_spoken_question_is_answered(talking: Board, assistant: Gateway, measure: Measuring) -> None:
    heard, answer = _ask(talking)
    assert "time" in heard, f"it was asked what time it is, and understood {heard!r}"
    assert re.search(r"it'?s|o'clock|time", answer, re.IGNORECASE), f"asked for the time it said {answer!r}"
    talking.until(lambda: bool(assistant.get("/api/state")["turns"]), "the turn is over", 30)
    turn = assistant.get("/api/state")["turns"][-1]
    measure.parts(
        "From the end of a question to its answer",
        [(_STAGES[k], v or 0.0) for k, v in turn["stages_ms"].items()],
    )
    measure("answer_first_audio_ms", turn["total_ms"])


@pytest.mark.display
def test_the_display_shows_both_sides(talking: Board) -> None:
    heard, answer = _ask(talking)
    talking.until(lambda: bool(talking.ask("display")["bot"]), "the answer is shown", 5)
    shown = talking.ask("display")
    assert shown["state"] == "Listening", f"in a call the display says {shown['state']!r}"
    assert shown["user"], "nothing of what it heard is shown"
    assert shown["user"] in heard, f"it heard {heard!r} and shows {shown['user']!r}"
    assert shown["bot"] in answer, f"it was told {answer!r} and shows {shown['bot']!r}"


def test_its_own_voice_is_no_interruption(talking: Board) -> None:
    since = talking.console.mark()
    _ask(talking)
    talking.console.wait(lambda e: _spoke(e, "bot", True), "the answer begins", since=since)
    begun = talking.console.mark()
    talking.console.wait(lambda e: _spoke(e, "bot", False), "the answer ends", since=begun)
    heard = [e for e in talking.console.events[begun:] if _spoke(e, "user", True)]
    assert not heard, "the gateway took the board's own voice for a user's"


@pytest.mark.aec
def test_speaking_over_the_answer_stops_it(talking: Board) -> None:
    since = talking.console.mark()
    _ask(talking)
    talking.console.wait(lambda e: _spoke(e, "bot", True), "the answer begins", since=since)
    begun = talking.console.mark()
    talking.ask("inject clip")
    talking.console.wait(lambda e: _spoke(e, "user", True), "the interruption is heard", since=begun)
    talking.console.wait(lambda e: _spoke(e, "bot", False), "the answer stops", 5, since=begun)


def _spoke(event: dict[str, object], who: str, on: bool) -> bool:
    return event["event"] == "speaking" and (event["who"], event["on"]) == (who, on)
