"""The end-of-turn model in a process of its own judges as it does here, for all that ask, whatever happens to it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from pipecat.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams

from gateway.environment import engine_announced
from gateway.speech import turns
from gateway.speech.engine_process import EngineProcess, held
from gateway.speech.framing import FramingError, Kind, Message
from gateway.speech.models import EndOfTurn
from gateway.speech.turns_worker import Turns
from tests.speech.conftest import DATA


@pytest.fixture
async def shared() -> AsyncIterator[EngineProcess]:
    process = turns.turns()
    async with held(process):
        yield process


@pytest.fixture(params=["human_goforward.wav", "what_time_is_it.wav"])
def pcm(request: pytest.FixtureRequest) -> bytes:
    with wave.open(str(DATA / request.param)) as file:
        recorded: bytes = file.readframes(file.getnframes())
    return recorded[: len(recorded) // 2 // 640 * 640]


async def _judged(turn: EndOfTurn, pcm: bytes) -> tuple[EndOfTurnState, float | None]:
    turn.set_sample_rate(16_000)
    for at in range(0, len(pcm), 640):
        turn.append_audio(pcm[at : at + 640], is_speech=True)
    state, metrics = await turn.analyze_end_of_turn()
    await turn.cleanup()  # type: ignore[no-untyped-call]
    return state, getattr(metrics, "probability", None)


async def test_it_is_judged_there_as_here(shared: EngineProcess, pcm: bytes) -> None:
    here = EndOfTurn(SmartTurnParams()).judge(
        np.frombuffer(pcm, dtype=np.int16).astype(np.float32) / np.float32(32_768)
    )
    there = EndOfTurn(SmartTurnParams())
    _, probability = await _judged(there, pcm)
    assert probability == pytest.approx(here["probability"], abs=1e-5)
    assert there._session is None
    assert shared.restarts == 0


async def test_its_death_costs_no_turn(shared: EngineProcess, pcm: bytes) -> None:
    before = await asyncio.to_thread(turns.ask, shared.path, pcm)
    assert shared.pid is not None
    os.kill(shared.pid, signal.SIGSTOP)
    asking = asyncio.create_task(asyncio.to_thread(turns.ask, shared.path, pcm))
    os.kill(shared.pid, signal.SIGKILL)
    assert await asking == before
    assert shared.restarts == 1


async def test_nobody_to_judge_ends_the_turn(tmp_path: Path, pcm: bytes) -> None:
    with engine_announced("turns", tmp_path / "none"):
        assert await _judged(EndOfTurn(SmartTurnParams()), pcm) == (EndOfTurnState.COMPLETE, None)


async def test_silence_of_the_other_side_is_not_waited_for(
    tmp_path: Path, pcm: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_SECONDS", 0.1)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(turns.ask, tmp_path / "s", pcm)


async def test_nothing_said_is_no_turn(shared: EngineProcess) -> None:
    with pytest.raises(FramingError, match="nothing was said"):
        await asyncio.to_thread(turns.ask, shared.path, b"")


def test_each_client_is_judged_by_the_end_of_what_it_said_itself() -> None:
    engine = Turns(lambda pcm: float(len(pcm)))
    messages = [
        (1, Message(Kind.START)),
        *((1, Message(Kind.AUDIO, payload=bytes(64_000))) for _ in range(5)),
        (2, Message(Kind.START)),
        (2, Message(Kind.AUDIO, payload=bytes(7))),
        (3, Message(Kind.AUDIO, payload=bytes(7))),
        (1, Message(Kind.END)),
        (2, Message(Kind.END)),
    ]
    answers = [answer for client, message in messages for answer in engine.handle(client, message)]
    assert answers == [
        (1, Message(Kind.RESULT, payload=b"128000.000000")),
        (2, Message(Kind.RESULT, payload=b"3.000000")),
    ]
    assert engine.said == {}


def test_a_client_that_is_gone_is_forgotten() -> None:
    engine = Turns(lambda _pcm: 0.0)
    assert list(engine.handle(1, Message(Kind.START))) == []
    engine.leave(1)
    assert engine.said == {}
