import pytest

from gateway.bots.realtime import RealtimeSettings, check, choose, configuration
from gateway.errors import ConfigError
from gateway.sections import EngineSpec


def test_the_key_that_is_there_decides() -> None:
    assert choose(RealtimeSettings(), {"GOOGLE_API_KEY": "x"}).provider == "google"


def test_a_configured_engine_wins() -> None:
    settings = RealtimeSettings(realtime=EngineSpec(provider="openai"))
    assert choose(settings, {"GOOGLE_API_KEY": "x"}).provider == "openai"


def test_without_a_key_the_error_says_which_to_set() -> None:
    with pytest.raises(ConfigError) as caught:
        check(RealtimeSettings(), {})
    assert caught.value.remedy == "set OPENAI_API_KEY or GOOGLE_API_KEY"


def test_a_missing_extra_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        check(RealtimeSettings(), {"GOOGLE_API_KEY": "x"})
    assert "pipecat-ai[google]" in caught.value.remedy


def test_a_key_is_enough_for_openai() -> None:
    check(RealtimeSettings(), {"OPENAI_API_KEY": "x"})


@pytest.mark.parametrize("given", [None, {}, {"stt": {"provider": "sphinx"}}])
def test_other_settings_are_left_alone(given: object) -> None:
    assert configuration(given) == RealtimeSettings()
