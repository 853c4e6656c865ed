import asyncio
import os
import signal
import sys
from collections.abc import Callable

import pytest

from gateway.speech.framing import HEADER, Kind, decode_header
from gateway.speech.language_model import LanguageModel
from gateway.speech.sphinx import shared_engine
from gateway.speech.sphinx_stream import RecogniserError, SphinxStream

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
    async with shared_engine(model) as engine:
        stream = engine.open()
        _speak(stream, say("what time is it"))
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
        assert (await stream.finish()).text == "what time is it"
        assert engine.restarts == 1


async def test_the_next_utterance_works_after_a_kill(model: LanguageModel, say: Say) -> None:
    async with shared_engine(model) as engine:
        stream = engine.open()
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
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


async def test_the_process_ends_with_its_last_user(model: LanguageModel) -> None:
    async with shared_engine(model) as engine:
        pid = engine.pid
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_the_process_ends_when_its_owner_does(model: LanguageModel) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.speech.sphinx_worker", str(model.arpa), str(model.dictionary),
        str(model.acoustic), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    message, _ = decode_header(await process.stdout.readexactly(HEADER.size))
    assert message.kind is Kind.READY
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 10) == 0
