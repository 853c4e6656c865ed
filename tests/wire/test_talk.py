from __future__ import annotations

from typing import Any

import pytest

from gateway.wire import talk
from gateway.wire.frames import FrameError

TURN = {
    "t": "turn",
    "at": 1.0,
    "since": 0.5,
    "user": "u",
    "bot": "b",
    "stages_ms": {"turn": 3.0, "text": None},
    "total_ms": 3.0,
}
TRANSCRIPT = {"t": "transcript", "at": 1.0, "who": "user", "text": "hi", "final": True}


@pytest.mark.parametrize(
    "told",
    [{"t": "ready"}, {"t": "hang_up"}, {"t": "app", "message": ["anything", None]}, TURN, TRANSCRIPT],
)
def test_what_a_bot_tells_is_read(told: dict[str, Any]) -> None:
    assert talk.from_bot(told).model_dump(mode="json") == told


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"t": "state"},
        {"t": "close"},
        {"t": ["ready"]},
        {"t": "ready", "more": 1},
        TURN | {"stages_ms": {"turn": "fast"}},
        TURN | {"stages_ms": {"turn": 1.0, "s00000001": 1.0}},
        TURN | {"total_ms": float("nan")},
        TRANSCRIPT | {"who": "somebody"},
        TRANSCRIPT | {"text": "a" * (talk.MAX_TEXT + 1)},
        TRANSCRIPT | {"at": float("inf")},
        TRANSCRIPT | {"at": 1e300},
        {"t": "media", "signs": 1, "figures": {"loss": float("nan")}},
        {"t": "media", "signs": 1, "figures": {"loss": 10**400}},
    ],
)
def test_what_is_none_of_ours_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(FrameError):
        talk.from_bot(told)


@pytest.mark.parametrize(
    "arguments",
    [
        {"text": "x" * talk.MAX_ARGUMENTS},
        {"text": "\ud800"},
        {"seconds": float("nan")},
        {"x": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]},
    ],
    ids=["long", "half a character", "no number", "deep"],
)
def test_what_is_asked_with_can_be_passed_on_or_it_is_said_why_not(arguments: dict[str, Any]) -> None:
    assert talk.Ask(id=1, tool="tools", arguments=arguments).fault()
    assert talk.Ask(id=1, tool="tools", arguments={"text": "x" * 10_000}).fault() is None


def test_a_refusal_does_not_repeat_what_was_said() -> None:
    with pytest.raises(FrameError) as refused:
        talk.from_bot(TRANSCRIPT | {"who": "sk-secret"})
    assert "sk-secret" not in str(refused.value)


def test_the_media_are_not_told_what_the_bot_is() -> None:
    with pytest.raises(FrameError):
        talk.to_bot({"t": "ready"})
    assert talk.to_bot({"t": "sounded", "at": 2.0}) == talk.Sounded(at=2.0)
