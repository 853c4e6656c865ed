from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway import settings
from gateway.errors import ConfigError
from gateway.settings import Settings
from gateway.wire.calls import dump


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "voicegw.toml"


def test_there_are_defaults_for_everything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    chosen = settings.load()
    assert (chosen.port, chosen.bot, chosen.open, chosen.workers) == (7860, "assistant", False, 1)


def test_the_file_of_the_working_directory_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "voicegw.toml").write_text("port = 1234")
    assert settings.load().port == 1234


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, config: Path) -> None:
    config.write_text("port = 1234\nbot = 'echo'")
    monkeypatch.setenv("VOICEGW_PORT", "2345")
    chosen = settings.load(config)
    assert (chosen.port, chosen.bot) == (2345, "echo")


def test_the_command_line_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEGW_PORT", "2345")
    assert settings.load(overrides={"port": 3456, "bot": None}).port == 3456


def test_a_nested_setting_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEGW_LIMITS__SESSIONS", "3")
    assert settings.load().limits.sessions == 3


def test_tables_are_read(config: Path) -> None:
    config.write_text('[bots]\nkitchen = "echo"\n[limits]\nsessions = 2\n[llm]\nprovider = "openai"\n')
    chosen = settings.load(config)
    assert chosen.bots == {"kitchen": "echo"}
    assert chosen.limits.sessions == 2
    assert chosen.llm is not None
    assert chosen.llm.provider == "openai"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.toml"):
        settings.load(tmp_path / "gone.toml")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("port = 70000", "port"),
        ("port = 'x'", "port"),
        ("prot = 1", "prot"),
        ("workers = -1", "workers"),
        ("[limits]\nsessions = 0", "limits.sessions"),
        ("[limits]\nsesions = 1", "limits.sesions"),
        ("[audio]\nbitrate = 1", "audio.bitrate"),
        ("this is not TOML", "line 1"),
        ("port = \xff", "not UTF-8: byte 0xff in line 1"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(config: Path, text: str, named: str) -> None:
    config.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=named) as caught:
        settings.load(config)
    assert caught.value.remedy


def test_a_wrong_environment_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEGW_LIMITS", "not json")
    with pytest.raises(ConfigError, match="limits"):
        settings.load()


@pytest.mark.parametrize("level", ["LOUD", ""])
def test_an_unknown_log_level_is_named(level: str) -> None:
    with pytest.raises(ConfigError, match="log_level"):
        settings.load(overrides={"log_level": level})


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1


def test_settings_survive_the_way_to_a_worker(config: Path) -> None:
    config.write_text('[bots]\nkitchen = "echo"\n[llm]\nprovider = "openai"\noptions = { model = "m" }\n')
    chosen = settings.load(config)
    assert Settings.model_validate(json.loads(json.dumps(dump(chosen)))) == Settings(**dump(chosen))


def test_a_worker_takes_its_settings_from_the_front_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = dump(settings.load(overrides={"port": 3456, "bot": "echo"}))
    monkeypatch.setenv("VOICEGW_PORT", "2345")
    received = Settings.model_validate(sent)
    assert (received.port, received.bot) == (3456, "echo")
