"""The default bot: hears, understands and answers on this machine, with better engines where configured."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipecat.audio.turn.smart_turn.base_smart_turn import SmartTurnParams
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.runner.types import RunnerArguments
from pipecat.turns.user_start import TranscriptionUserTurnStartStrategy, VADUserTurnStartStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.bots.call import (
    PIPELINE,
    SAMPLE_RATE,
    device_name,
    device_tools,
    gateway_settings,
    hold,
    open_transport,
)
from gateway.environment import api_keys, without_telemetry
from gateway.errors import ConfigError
from gateway.sections import EngineSpec, Hearing, HomeAssistant, McpServer, MemorySettings, OfDevice
from gateway.speech import home_assistant, local_models, mcp, moonshine, providers
from gateway.speech.dialogue import Dialogue
from gateway.speech.engine_process import held
from gateway.speech.home_assistant import Home
from gateway.speech.language_model import LanguageModel, language_model
from gateway.speech.mcp import McpSource
from gateway.speech.meaning.intents import Recogniser
from gateway.speech.meaning.sentences import load_book
from gateway.speech.pauses import IsWhole, PauseProcessor, TurnStop, never
from gateway.speech.recognition import SphinxSTTService
from gateway.speech.remembering import Known, keep_summary, known, summarising
from gateway.speech.sphinx import Beside, recogniser
from gateway.speech.synthesis import LocalTTSService, make_synthesiser
from gateway.speech.timers import Asked
from gateway.speech.tooling import DeviceSource, Equipped
from gateway.speech.turns import turns as judging

if TYPE_CHECKING:
    from gateway.speech.models import EndOfTurn, VoiceActivity

_SPHINX = providers.BUILT_IN["stt"]
_STUCK_TURN_SECS = 3.0  # a turn that never got a transcript was noise


class AssistantSettings(BaseModel):
    """What the assistant takes from the gateway's settings; all of it may be left out.

    `llm` answers what the local intents don't understand; without it the assistant says so.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    hearing: Hearing = Hearing()
    stt: EngineSpec = EngineSpec(provider="local")
    llm: EngineSpec | None = None
    tts: EngineSpec = EngineSpec(provider="flite")
    mcp: tuple[McpServer, ...] = ()
    home_assistant: HomeAssistant | None = None
    memory: MemorySettings = MemorySettings()
    devices: dict[str, OfDevice] = Field(default_factory=dict)
    sentences: Path | None = None
    cache_dir: Path = Path("~/.cache/voicegw")
    timezone: str | None = None
    volume: int = Field(default=70, ge=0, le=100)
    prompt: str = (
        "You are a voice assistant on a small speaker. Answer in one or two short spoken sentences, "
        "without markup, lists or emoji."
    )


def check(settings: AssistantSettings, keys: Mapping[str, str]) -> None:
    """Find at start-up what would fail at the first call; `keys` are the environment's. Blocks, up to 2 s.

    Raises ConfigError, which names what to install or set.
    """
    _zone(settings)
    book = load_book(settings.sentences)
    providers.check("stt", settings.stt, keys)
    providers.check("tts", settings.tts, keys)
    if settings.llm is not None:
        providers.check("llm", settings.llm, keys)
        mcp.check(settings.mcp, keys)
    if settings.tts.provider == "flite":
        for own in [OfDevice(), *settings.devices.values()]:
            make_synthesiser(own.tts(settings.tts).options.get("voice"))
        for voice in settings.memory.voices:
            make_synthesiser(voice)
    if settings.stt.provider in _SPHINX:
        language_model(book, settings.cache_dir)


@asynccontextmanager
async def warm(settings: AssistantSettings) -> AsyncIterator[None]:
    """Keep what calls share loaded while entered: for this process and for those that it starts meanwhile."""
    await asyncio.to_thread(_recogniser, settings.sentences)
    engines = [judging()]
    if settings.stt.provider in _SPHINX:
        model = await asyncio.to_thread(_model, settings.sentences, settings.cache_dir)
        engines.append(recogniser(model, _beside(settings)))
    async with held(*engines):
        yield


@asynccontextmanager
async def prepared(settings: object) -> AsyncIterator[None]:
    """What a worker process holds around all its calls: `settings` checked and the recogniser loaded.

    Raises ConfigError where something is missing or wrong.
    """
    own = configuration(settings)
    await asyncio.to_thread(check, own, api_keys())
    if own.llm is not None:
        await local_models.look(own.llm)
        await mcp.look(own.mcp, api_keys())
    if own.home_assistant is not None:
        await home_assistant.look(own.home_assistant, api_keys())
    async with warm(own):
        yield


def preload(settings: object) -> None:
    """Load what calls have in common into a process that will be forked for each: no thread, no model session."""
    own = configuration(settings)
    _models()
    _recogniser(own.sentences)
    if own.stt.provider in _SPHINX:
        _model(own.sentences, own.cache_dir)
    if own.tts.provider == "flite":
        make_synthesiser(own.tts.options.get("voice"))


async def bot(runner_args: RunnerArguments) -> None:
    """Hold one call until it ends: the signature that Pipecat's runner, and ours, call.

    Takes AssistantSettings from the gateway's settings where there is a gateway.
    """
    settings = for_device(configuration(gateway_settings(runner_args)), device_name(runner_args))
    tools = device_tools(runner_args)
    before = await known(tools)
    transport = await open_transport(runner_args)
    # Loading models takes 0.2 s: on a thread, since this loop may be carrying other calls.
    area = settings.devices.get(device_name(runner_args) or "", OfDevice()).area
    middle, after = await asyncio.to_thread(build, settings, api_keys(), tools, area, before)
    worker = PipelineWorker(
        Pipeline([transport.input(), *middle, transport.output(), after]),
        params=PIPELINE,
        idle_timeout_secs=runner_args.pipeline_idle_timeout_secs,
    )
    await hold(runner_args, transport, worker)


def configuration(given: object) -> AssistantSettings:
    """Those of the gateway's settings, else the defaults. Raises ConfigError where they aren't valid."""
    try:
        return AssistantSettings.model_validate(given or {}, from_attributes=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"the assistant's {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def build(
    settings: AssistantSettings,
    keys: Mapping[str, str],
    gateway: Asked | None = None,
    area: str | None = None,
    before: Known | None = None,
) -> tuple[list[FrameProcessor], FrameProcessor]:
    """(the processors between a transport's input and output, the one after its output). Blocks.

    Raises ConfigError like check().
    """
    before = before or Known()
    zone = _zone(settings)
    home = Home(settings.home_assistant, keys, area) if settings.home_assistant is not None else None
    dialogue = Dialogue(
        _recogniser(settings.sentences),
        lambda: datetime.now(UTC).astimezone(zone),
        has_llm=settings.llm is not None,
        volume=settings.volume,
        gateway=gateway,
        home=home,
        before=before.exchanges[-1] if before.exchanges else ("", ""),
    )
    llm = (
        [
            _tools(settings, keys, gateway, home),
            providers.make_llm(settings.llm, keys, prompt=before.told(settings.prompt)),
        ]
        if settings.llm
        else []
    )
    return around(settings, keys, [dialogue, *llm], before, gateway, is_whole=dialogue.is_whole)


def around(  # noqa: PLR0913 -- what `build` is given, and what it made of it
    settings: AssistantSettings,
    keys: Mapping[str, str],
    answering: list[FrameProcessor],
    before: Known | None = None,
    gateway: Asked | None = None,
    *,
    is_whole: IsWhole = never,
) -> tuple[list[FrameProcessor], FrameProcessor]:
    """Ears and a voice around what answers; gives and raises as `build` does. Blocks."""
    before = before or Known()
    turns = _turns(settings.hearing, is_whole)
    aggregators = _aggregators(settings, before, gateway, turns)
    vad = voice_activity(settings.hearing)
    stt = _stt(settings, keys)
    tts = _tts(settings.model_copy(update={"tts": before.voiced(settings.tts, settings.memory)}), keys)
    return [PauseProcessor(vad), stt, aggregators.user(), *answering, tts], aggregators.assistant()


def _aggregators(
    settings: AssistantSettings, before: Known, gateway: Asked | None, turns: UserTurnStrategies
) -> LLMContextAggregatorPair:
    context = before.context()
    sums_up = settings.llm is not None and before.kept and gateway is not None
    pair = LLMContextAggregatorPair(
        context,
        user_params=LLMUserAggregatorParams(
            user_turn_strategies=turns,
            user_turn_stop_timeout=_STUCK_TURN_SECS,
            empty_user_turn=None,
        ),
        assistant_params=summarising(settings.memory) if sums_up else None,
    )

    async def on_summary_applied(*_: object) -> None:
        if gateway is not None:
            await keep_summary(context, gateway)

    pair.assistant().add_event_handler("on_summary_applied", on_summary_applied)
    return pair


def for_device(settings: AssistantSettings, device: str | None) -> AssistantSettings:
    """The settings with what is different for a device."""
    own = settings.devices.get(device or "")
    if own is None:
        return settings
    changed: dict[str, object] = {"prompt": own.prompt} if own.prompt is not None else {}
    return settings.model_copy(update={**changed, "tts": own.tts(settings.tts)})


def _tools(
    settings: AssistantSettings, keys: Mapping[str, str], gateway: Asked | None, home: Home | None
) -> FrameProcessor:
    device = [] if gateway is None else [DeviceSource(gateway)]
    homes = [] if home is None else [home]
    return Equipped([*device, *homes, *(McpSource(server, keys) for server in settings.mcp)])


def _models() -> ModuleType:
    without_telemetry()
    from gateway.speech import models  # noqa: PLC0415 -- onnxruntime reads the environment when it is imported

    return models


@cache
def _recogniser(sentences: Path | None) -> Recogniser:
    return Recogniser(load_book(sentences))


def voice_activity(hearing: Hearing) -> VoiceActivity:
    """What finds speech in a call."""
    params = VADParams(
        confidence=hearing.confidence,
        start_secs=hearing.start_s,
        stop_secs=hearing.stop_s,
        min_volume=0.0,  # how sure the model is says more than how loud it is: the far speaker is quiet
    )
    found: VoiceActivity = _models().VoiceActivity(SAMPLE_RATE, params, hearing.gain_db)
    return found


def end_of_turn(hearing: Hearing) -> EndOfTurn:
    """What finds out whether a speaker has finished."""
    found: EndOfTurn = _models().EndOfTurn(SmartTurnParams(stop_secs=hearing.pause_s))
    return found


def _turns(hearing: Hearing, is_whole: IsWhole) -> UserTurnStrategies:
    return UserTurnStrategies(
        # A transcript begins a turn where its own was given up: the recogniser of a slow machine may be that late.
        start=[VADUserTurnStartStrategy(), TranscriptionUserTurnStartStrategy()],
        stop=[TurnStop(end_of_turn(hearing), is_whole)],
    )


def _stt(settings: AssistantSettings, keys: Mapping[str, str]) -> FrameProcessor:
    if settings.stt.provider in _SPHINX:
        return SphinxSTTService(_model(settings.sentences, settings.cache_dir), _beside(settings))
    return providers.make_stt(settings.stt, keys)


def _beside(settings: AssistantSettings) -> Beside | None:
    """What hears beside sphinx."""
    wished = settings.stt.provider == providers.LOCAL and moonshine.folder() is not None
    return Beside(settings.sentences) if wished else None


def _tts(settings: AssistantSettings, keys: Mapping[str, str]) -> FrameProcessor:
    if settings.tts.provider == "flite":
        return LocalTTSService(make_synthesiser(settings.tts.options.get("voice")))
    return providers.make_tts(settings.tts, keys)


@cache
def _model(sentences: Path | None, cache_dir: Path) -> LanguageModel:
    return language_model(load_book(sentences), cache_dir)


def _zone(settings: AssistantSettings) -> ZoneInfo | None:
    """The time zone to tell the time in; None is the machine's own."""
    try:
        return ZoneInfo(settings.timezone) if settings.timezone else None
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # "Europe" is a folder
        raise ConfigError(
            f"there is no time zone {settings.timezone!r}", remedy='use a name such as "Europe/Berlin"'
        ) from error
