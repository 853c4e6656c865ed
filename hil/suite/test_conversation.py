"""A question and its answer."""

from __future__ import annotations

import re
import time

import pytest

from hil.board import Board
from hil.gateway import Gateway
from hil.network import Link
from hil.results import Measuring

pytestmark = [pytest.mark.clip, pytest.mark.audio_out]
_STAGES = {
    "turn": "end of speech",
    "transcript": "recogniser",
    "text": "understanding",
    "audio": "voice",
    "packet": "to the wire",
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
