import pytest

from gateway.errors import ConfigError
from gateway.sections import EngineSpec
from gateway.speech import providers
from gateway.speech.catalogue import PROVIDERS, Kind

_KEY = "sk-very-secret"


def _spec(provider: str, **options: object) -> EngineSpec:
    return EngineSpec(provider=provider, options=options)


@pytest.mark.parametrize(
    ("kind", "spec", "said"),
    [
        ("stt", _spec("nonesuch"), "whisper"),
        ("stt", _spec("whisper"), "pipecat-ai[whisper]"),
        ("stt", _spec("openai"), "OPENAI_API_KEY"),
        ("llm", _spec("openai", model="x", api_key_env="MINE"), "MINE"),
        ("llm", _spec("ollama"), "model"),
        ("tts", _spec("cartesia", voice="x"), "CARTESIA_API_KEY"),
        ("tts", _spec("openai"), "voice"),
        ("tts", _spec("openai", voice="x", colour="red"), "colour"),
        ("llm", _spec("openai", model="x", api_key=_KEY), "environment"),
        ("stt", _spec("sphinx", beam=3), "beam"),
        ("realtime", _spec("openai"), "OPENAI_API_KEY"),
    ],
)
def test_what_cannot_work_is_named(kind: Kind, spec: EngineSpec, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        providers.check(kind, spec, {})
    assert said in f"{caught.value.message} {caught.value.remedy}"
    assert _KEY not in f"{caught.value.message} {caught.value.remedy}"


@pytest.mark.parametrize(
    ("kind", "spec", "keys"),
    [
        ("stt", _spec("sphinx"), {}),
        ("stt", _spec("local"), {}),
        ("tts", _spec("flite", voice="cmu_us_rms"), {}),
        ("llm", _spec("ollama", model="qwen3:0.6b"), {}),
        ("llm", _spec("openai", model="x", base_url="http://127.0.0.1:11434/v1"), {}),
        ("llm", _spec("openai", model="x", api_key_env="MINE"), {"MINE": _KEY}),
        ("tts", _spec("elevenlabs", voice="x", speed=1.1), {"ELEVENLABS_API_KEY": _KEY}),
    ],
)
def test_what_can_work_passes(kind: Kind, spec: EngineSpec, keys: dict[str, str]) -> None:
    providers.check(kind, spec, keys)


async def test_a_service_is_made_with_its_options() -> None:
    spec = _spec("openai", model="small", base_url="http://127.0.0.1:1/v1")
    service = providers.make_llm(spec, {}, prompt="Be brief.")
    assert type(service).__name__ == "OpenAILLMService"
    assert service._settings.model == "small"  # type: ignore[attr-defined]
    assert service._settings.system_instruction == "Be brief."  # type: ignore[attr-defined]


def test_an_engine_that_does_not_start_never_tells_the_key() -> None:
    spec = _spec("elevenlabs", voice="x", model={"not": "a string"}, colour=_KEY)
    with pytest.raises(ConfigError) as caught:
        providers.make_tts(spec, {"ELEVENLABS_API_KEY": _KEY})
    assert _KEY not in caught.value.message


def test_every_class_of_the_catalogue_is_in_pipecat() -> None:
    from importlib.util import find_spec  # noqa: PLC0415 - only this test looks

    paths = [provider.path.split(":")[0] for table in PROVIDERS.values() for provider in table.values()]
    assert [path for path in paths if find_spec(f"pipecat.services.{path}") is None] == []
