"""The models in less memory: they judge as Pipecat's own do, and a process that is to be forked stays fit for it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import wave
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams

from gateway.speech import models
from tests.speech.conftest import DATA
from tests.speech.judge import Judge

ROOT = Path(__file__).parents[2]
_LOAD = """
import os, sys
import gateway.bots.assistant as assistant
assert "onnxruntime" not in sys.modules
assistant.preload(None)
assert "onnxruntime" in sys.modules
print(len(os.listdir("/proc/self/task")))
"""


def _recorded(name: str) -> bytes:
    with wave.open(str(DATA / name)) as file:
        pcm: bytes = file.readframes(file.getnframes())
    return pcm


def test_the_version_is_the_one_that_was_checked() -> None:
    assert metadata.version("pipecat-ai") == models.CHECKED


@pytest.mark.parametrize("name", ["human_goforward.wav", "what_time_is_it.wav"])
def test_voice_is_found_where_pipecat_finds_it(name: str) -> None:
    pcm = _recorded(name) + bytes(64_000) + _recorded(name)
    windows = [pcm[at : at + 1024] for at in range(0, len(pcm) - 1023, 1024)]
    ours, stock = models.VoiceActivity(16_000, VADParams()), SileroVADAnalyzer(sample_rate=16_000)
    for analyzer in (ours, stock):
        analyzer.set_sample_rate(16_000)
    judged = [[float(np.squeeze(each.voice_confidence(w))) for w in windows] for each in (ours, stock)]
    assert judged[0] == pytest.approx(judged[1], abs=1e-5)
    assert max(judged[0]) > 0.9


@pytest.mark.parametrize("name", ["human_goforward.wav", "what_time_is_it.wav", "human_austen_1.wav"])
@pytest.mark.parametrize("part", [0.5, 1.0])
async def test_a_turn_is_judged_as_pipecat_judges_it(name: str, part: float) -> None:
    pcm = _recorded(name)
    pcm = pcm[: int(len(pcm) * part) // 640 * 640]
    judged = []
    for analyzer in (models.EndOfTurn(SmartTurnParams()), LocalSmartTurnAnalyzerV3(params=SmartTurnParams())):
        analyzer.set_sample_rate(16_000)
        for at in range(0, len(pcm), 640):
            analyzer.append_audio(pcm[at : at + 640], is_speech=True)
        state, metrics = await analyzer.analyze_end_of_turn()
        judged.append((state, pytest.approx(getattr(metrics, "probability", None), abs=1e-5)))
        await analyzer.cleanup()  # type: ignore[no-untyped-call]
    assert judged[0] == judged[1]


async def test_the_turn_model_is_loaded_when_somebody_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: asyncio.Queue[object] = asyncio.Queue()
    stock, loop = models.open_session, asyncio.get_running_loop()

    def open_session(model: object, *, keep: bool) -> object:
        loop.call_soon_threadsafe(loaded.put_nowait, model)
        return stock(model, keep=keep)

    monkeypatch.setattr(models, "open_session", open_session)
    turn = models.EndOfTurn(SmartTurnParams())
    turn.set_sample_rate(16_000)
    turn.append_audio(bytes(640), is_speech=False)
    assert loaded.empty()
    for _ in range(2):
        turn.append_audio(bytes(640), is_speech=True)
        await turn.analyze_end_of_turn()
    assert "smart-turn" in str(await asyncio.wait_for(loaded.get(), 20))
    assert loaded.empty()
    await turn.cleanup()  # type: ignore[no-untyped-call]


async def test_a_turn_that_was_judged_at_a_pause_is_not_judged_again() -> None:
    judge = Judge(0.9)
    judge.say(50)
    judge.look_ahead()
    judge.say(5)
    assert await judge.ended()
    assert len(judge.given) == 1


async def test_a_turn_that_went_on_after_a_pause_is_judged_by_all_of_it() -> None:
    judge = Judge(0.9, 0.1)
    judge.say(50)
    judge.look_ahead()
    judge.forget()
    judge.say(50)
    assert not await judge.ended()
    assert judge.given[1] == 100 * 320


async def test_who_had_not_finished_at_a_pause_is_judged_again_at_the_end() -> None:
    judge = Judge(0.1, 0.9)
    judge.say(50)
    judge.look_ahead()
    judge.say(5)
    assert await judge.ended()
    assert judge.given[1] == 55 * 320


@pytest.mark.parametrize("stall", [0.0, 0.8])
async def test_what_comes_in_a_burst_or_after_a_stall_is_cut_by_its_length(stall: float) -> None:
    """A call whose first sound waits for its bot."""
    judge = Judge(0.9)
    for _ in range(100):
        judge.append_audio(bytes(640), is_speech=False)
    time.sleep(stall)  # noqa: ASYNC251 -- of the bot's loop
    judge.say(50)
    assert await judge.ended()
    assert judge.given == [pytest.approx((25 + 50) * 320, abs=320)]  # half a second from before it


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_what_is_loaded_before_a_fork_has_one_thread_and_tells_nobody(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    env |= {"OPENBLAS_NUM_THREADS": "1", "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    run = subprocess.run(
        [sys.executable, "-c", _LOAD], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert run.stdout.strip() == "1", run.stderr
    assert [path for path in tmp_path.rglob("*") if "onnxruntime" in path.name] == []
