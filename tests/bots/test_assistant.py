"""The assistant's pipeline, fed with speech: what goes in at the microphone comes out as an answer."""

import asyncio
from pathlib import Path

import pytest
from pipecat.frames.frames import LLMMessagesAppendFrame
from pipecat.runner.types import RunnerArguments

from gateway.bots.assistant import AssistantSettings, check, configuration, for_device
from gateway.bots.call import gateway_settings
from gateway.errors import ConfigError
from gateway.sections import EngineSpec, OfDevice
from gateway.speech.framing import Kind, Message
from gateway.speech.sphinx import SphinxEngine
from tests.bots.calling import calling, soon
from tests.support import cache
from tests.support.waiting import PATIENCE


@pytest.fixture(scope="module")
def settings() -> AssistantSettings:
    return AssistantSettings(cache_dir=cache.folder())


async def test_a_spoken_question_gets_a_spoken_answer(settings: AssistantSettings) -> None:
    async with calling(settings) as call:
        await call.ask("what is twelve times seven")
        assert await soon(call.output.heard) == "what is twelve times seven"
        assert await soon(call.output.said) == "Twelve times seven is eighty four."
        await asyncio.wait_for(call.output.stopped.wait(), PATIENCE)
        assert len(call.output.audio) > 32_000


async def test_what_was_not_meant_for_it_is_answered_with_silence(settings: AssistantSettings) -> None:
    async with calling(settings) as call:
        await call.ask("my brother bought a new car last week")
        assert await soon(call.output.heard)
        await call.ask("what is twelve times seven")
        assert await soon(call.output.said) == "Twelve times seven is eighty four."


async def test_a_command_reaches_the_device(settings: AssistantSettings) -> None:
    async with calling(settings) as call:
        await call.ask("set the volume to fifty percent")
        assert await soon(call.output.commands) == {
            "type": "device-command",
            "command": "volume",
            "value": 50,
        }


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Kind]:
    """What the recogniser is told meanwhile, beside the audio."""
    kinds: list[Kind] = []
    send = SphinxEngine.send

    def noted(engine: SphinxEngine, message: Message) -> None:
        if message.kind is not Kind.AUDIO:
            kinds.append(message.kind)
        send(engine, message)

    monkeypatch.setattr(SphinxEngine, "send", noted)
    return kinds


async def test_the_recogniser_is_asked_before_the_end_of_speech(
    settings: AssistantSettings, sent: list[Kind]
) -> None:
    async with calling(settings) as call:
        await call.ask("what is twelve times seven")
        assert await soon(call.output.said) == "Twelve times seven is eighty four."
        assert (sent[0], sent[-2:]) == (Kind.START, [Kind.PAUSE, Kind.END])


async def test_a_pause_in_a_sentence_is_neither_its_end_nor_answered(
    settings: AssistantSettings, sent: list[Kind]
) -> None:
    async with calling(settings) as call:
        whole = call.voice.speak("what is twelve times seven")
        middle = len(whole) // 4 * 2
        await call.play(bytes(16_000) + whole[:middle] + bytes(3_520) + whole[middle:] + bytes(640 * 60))
        assert await soon(call.output.heard) == "what is twelve times seven"
        assert await soon(call.output.said) == "Twelve times seven is eighty four."
        await asyncio.wait_for(call.output.stopped.wait(), PATIENCE)
        assert sent == [Kind.START, Kind.PAUSE, Kind.ON, Kind.PAUSE, Kind.END]
        assert (call.output.heard.empty(), call.output.said.empty()) == (True, True)


async def test_speaking_again_interrupts_the_answer(settings: AssistantSettings) -> None:
    async with calling(settings) as call:
        await call.ask("what can you do")
        await soon(call.output.said)
        call.output.interrupted.clear()
        await call.ask("stop")
        await asyncio.wait_for(call.output.interrupted.wait(), PATIENCE)


async def test_a_recogniser_slower_than_the_turn_is_answered_all_the_same(
    settings: AssistantSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.bots.assistant._STUCK_TURN_SECS", 0.01)
    async with calling(settings) as call:
        await call.ask("what is twelve times seven")
        assert await soon(call.output.said) == "Twelve times seven is eighty four."


async def test_what_is_typed_is_answered_too(settings: AssistantSettings) -> None:
    async with calling(settings) as call:
        typed = LLMMessagesAppendFrame([{"role": "user", "content": "What's 12 + 30?"}], run_llm=True)
        await call.worker.queue_frame(typed)
        assert await soon(call.output.said) == "Twelve plus thirty is forty two."


def test_settings_are_those_of_the_gateway_that_holds_the_call() -> None:
    arguments = RunnerArguments(body={"timezone": "Asia/Tokyo"})
    arguments.voicegw = {"settings": {"timezone": "Europe/Berlin", "volume": 30}}  # type: ignore[attr-defined]
    own = configuration(gateway_settings(arguments))
    assert (own.timezone, own.volume) == ("Europe/Berlin", 30)


def test_under_pipecats_own_runner_the_defaults_hold() -> None:
    arguments = RunnerArguments(body={"volume": 10})
    assert configuration(gateway_settings(arguments)) == AssistantSettings()


def test_settings_that_are_not_valid_are_named() -> None:
    with pytest.raises(ConfigError, match="volume"):
        configuration({"volume": 300})


def test_the_defaults_pass_the_check(settings: AssistantSettings) -> None:
    check(settings, {})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"timezone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"timezone": "Europe"}, "no time zone 'Europe'"),
        ({"sentences": Path("/nowhere.yaml")}, "nowhere"),
        ({"tts": EngineSpec(provider="flite", options={"voice": "marvin"})}, "marvin"),
        ({"llm": EngineSpec(provider="openai", options={"model": "x"})}, "key"),
        ({"stt": EngineSpec(provider="whisper")}, "whisper"),
    ],
)
def test_what_cannot_work_is_named_at_start_up(
    settings: AssistantSettings, changes: dict[str, object], named: str
) -> None:
    with pytest.raises(ConfigError, match=named):
        check(settings.model_copy(update=changes), {})


def test_a_device_may_have_a_voice_and_a_prompt_of_its_own() -> None:
    own = OfDevice(voice="cmu_us_slt", prompt="You are a cook.")
    settings = AssistantSettings(devices={"kitchen": own})
    changed = for_device(settings, "kitchen")
    assert (changed.tts.options, changed.prompt) == ({"voice": "cmu_us_slt"}, "You are a cook.")
    assert for_device(settings, "hall") == for_device(settings, None) == settings


def test_a_voice_of_a_device_that_is_not_there_is_named_at_start_up() -> None:
    with pytest.raises(ConfigError, match="no voice 'nobody'"):
        check(AssistantSettings(devices={"kitchen": OfDevice(voice="nobody")}), {})
