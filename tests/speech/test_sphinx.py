import asyncio
import os
import signal
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.speech.engine_process import EngineError
from gateway.speech.language_model import LanguageModel
from gateway.speech.sphinx import recogniser, shared_engine
from gateway.speech.sphinx_stream import RecogniserError, SphinxStream
from tests.speech.conftest import held_recogniser

Say = Callable[[str], bytes]


def _speak(stream: SphinxStream, pcm: bytes) -> None:
    stream.start()
    for at in range(0, len(pcm), 640):
        stream.feed(pcm[at : at + 640])


async def test_the_transcript_of_an_utterance(model: LanguageModel, say: Say) -> None:
    async with shared_engine(model) as engine:
        stream = engine.open()
        _speak(stream, say("what is twelve times seven"))
        assert (await stream.finish()).text == "what is twelve times seven"


async def test_streams_at_once_hear_only_themselves(model: LanguageModel, say: Say) -> None:
    questions = ["what time is it", "turn it up", "what is twelve times seven", "cancel all timers"]
    speech = [say(question) for question in questions]
    async with shared_engine(model) as engine:
        streams = [engine.open() for _ in questions]
        for stream in streams:
            stream.start()
        for at in range(0, max(map(len, speech)), 640):
            for stream, pcm in zip(streams, speech, strict=True):
                stream.feed(pcm[at : at + 640])
        heard = await asyncio.gather(*(stream.finish() for stream in streams))
        assert [each.text for each in heard] == questions


async def test_a_killed_recogniser_costs_nothing_but_time(model: LanguageModel, say: Say) -> None:
    async with held_recogniser(model) as process, shared_engine(model) as engine:
        stream = engine.open()
        _speak(stream, say("what time is it"))
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        assert (await stream.finish()).text == "what time is it"
        assert (process.restarts, engine.reconnects) == (1, 1)


async def test_the_next_utterance_works_after_a_kill(model: LanguageModel, say: Say) -> None:
    async with held_recogniser(model) as process, shared_engine(model) as engine:
        stream = engine.open()
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        _speak(stream, say("turn it up"))
        assert (await stream.finish()).text == "turn it up"


async def test_an_utterance_that_kills_twice_is_given_up() -> None:
    stream = SphinxStream(1, lambda _message: None, lambda _stream: None)
    stream.start()
    answer = asyncio.create_task(stream.finish())
    await asyncio.sleep(0)
    stream.replay()
    assert not answer.done()
    stream.replay()
    with pytest.raises(RecogniserError, match="twice"):
        await answer


async def test_silence_has_no_words(model: LanguageModel) -> None:
    async with shared_engine(model) as engine:
        stream = engine.open()
        _speak(stream, bytes(32_000))
        assert (await stream.finish()).text == ""


async def test_a_second_user_shares_the_process(model: LanguageModel) -> None:
    async with shared_engine(model) as first, shared_engine(model) as second:
        assert first is second


async def test_the_process_ends_with_its_holder(model: LanguageModel) -> None:
    async with held_recogniser(model) as process:
        pid = process.pid
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_it_says_where_it_can_not_listen(
    model: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(EngineError, match="nowhere to listen") as caught:
        await recogniser(model).start()
    assert "TMPDIR" in caught.value.remedy


async def test_a_recogniser_that_can_not_start_is_an_error(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.speech.engine_process.READY_SECONDS", 1.0)
    with pytest.raises(EngineError, match="did not start"):
        await recogniser(replace(model, arpa=model.arpa.with_name("none"))).start()


async def test_without_a_folder_for_temporary_files_it_says_so(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(tempfile, "gettempdir", none)
    monkeypatch.setattr(tempfile, "mkdtemp", none)
    with pytest.raises(EngineError, match="no folder for temporary files") as caught:
        await recogniser(model).start()
    assert "TMPDIR" in caught.value.remedy


async def test_one_that_ends_before_it_is_ready_says_what_it_was_made_of(
    model: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.speech.engine_process._BACKOFF_SECONDS", (0.0, 0.0))
    spoilt = tmp_path / "sphinx-x" / "model.arpa"
    spoilt.parent.mkdir()
    spoilt.touch()
    with pytest.raises(EngineError, match=r"did not start: its process ended \(\d+\)") as caught:
        await recogniser(replace(model, arpa=spoilt)).start()
    assert str(spoilt.parent) in caught.value.remedy
    assert "cache_dir" in caught.value.remedy
