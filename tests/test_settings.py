from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway import environment, settings
from gateway.errors import ConfigError
from gateway.sections import Nats
from gateway.settings import Settings
from gateway.wire.calls import dump


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "voicegw.toml"


def test_there_are_defaults_for_everything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    chosen = settings.load()
    assert (chosen.port, chosen.bot, chosen.open, chosen.media) == (7860, "assistant", False, 1)


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


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_that_an_editor_of_windows_saved_is_read(config: Path, encoding: str) -> None:
    config.write_bytes('name = "Küche"\r\nport = 1234\r\n'.encode(encoding))
    chosen = settings.load(config)
    assert (chosen.name, chosen.port) == ("Küche", 1234)


def test_a_directory_in_the_place_of_the_file_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "voicegw.toml").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"voicegw\.toml cannot be read: it is a directory"):
        settings.load()


PATHS = """
bot = "bots/mine.py"
sentences = "mine.yaml"
releases = "~/releases"
data_dir = "/var/data"
cache_dir = "cache"
[bots]
kitchen = "bots/kitchen.py"
attic = "echo"
[tts]
provider = "piper"
options = { download_dir = "voices", voice = "en" }
"""


def test_paths_of_a_file_count_from_its_folder(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.chdir("/")
    config.write_text(PATHS)
    chosen = settings.load(config)
    assert (chosen.sentences, chosen.cache_dir) == (tmp_path / "mine.yaml", tmp_path / "cache")
    assert (chosen.releases, chosen.data_dir) == (Path("/home/me/releases"), Path("/var/data"))
    assert chosen.bot == str(tmp_path / "bots" / "mine.py")
    assert chosen.bots == {"kitchen": str(tmp_path / "bots" / "kitchen.py"), "attic": "echo"}
    assert chosen.tts.options == {"download_dir": str(tmp_path / "voices"), "voice": "en"}


def test_those_of_its_sections_likewise(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    config.write_text(
        '[nats]\nurls = ["tls://x"]\nuser = "front-a"\npassword_file = "a.password"\nca = "sub/ca.pem"\n'
        '[[mcp]]\nname = "own"\ncommand = ["./tools/mine", "x/y"]\ntools = ["*"]\n'
        '[[mcp]]\nname = "theirs"\ncommand = ["uvx", "time"]\ntools = ["*"]\n'
    )
    chosen = settings.load(config)
    assert chosen.nats is not None
    assert (chosen.nats.password_file, chosen.nats.ca) == (tmp_path / "a.password", tmp_path / "sub/ca.pem")
    assert [server.command for server in chosen.mcp] == [
        (str(tmp_path / "tools/mine"), "x/y"),
        ("uvx", "time"),
    ]


def test_paths_of_the_command_line_and_the_environment_count_from_where_we_are(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(PATHS)
    monkeypatch.setenv("VOICEGW_CACHE_DIR", "here")
    chosen = settings.load(config, {"bot": "other.py"})
    assert (chosen.bot, chosen.cache_dir) == ("other.py", Path("here"))


PATH_SETTINGS = ["data_dir", "cache_dir", "releases", "sentences", "tls_cert", "tls_key", "uploads_folder"]


@pytest.mark.parametrize("name", PATH_SETTINGS)
def test_an_empty_variable_counts_as_not_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its path would be the working directory."""
    unset = getattr(settings.load(), name)
    monkeypatch.setenv(f"VOICEGW_{name.upper()}", "")
    assert getattr(settings.load(), name) == unset


@pytest.mark.parametrize("line", [f'{name} = "{value}"' for name in PATH_SETTINGS for value in ("", " ")])
def test_an_empty_path_in_the_file_is_refused(config: Path, line: str) -> None:
    config.write_text(line)
    with pytest.raises(ConfigError, match=f"setting {line.split(maxsplit=1)[0]}: it is empty"):
        settings.load(config)


def test_an_empty_path_in_a_section_is_refused(config: Path) -> None:
    config.write_text('[nats]\nurls = ["nats://x"]\nca = ""\n')
    with pytest.raises(ConfigError, match=r"setting nats\.ca: it is empty"):
        settings.load(config)
    config.write_text('[tts]\nprovider = "piper"\noptions = { download_dir = "" }\n')
    with pytest.raises(ConfigError, match="setting tts: it is empty"):
        settings.load(config)


@pytest.mark.parametrize("name", ["Europe", "Mars/Olympus", "../../etc/passwd"])
def test_what_is_no_time_zone_is_named_whatever_the_bot(config: Path, name: str) -> None:
    config.write_text(f'bot = "echo"\ntimezone = "{name}"\n')
    with pytest.raises(ConfigError, match="setting timezone: there is no time zone"):
        settings.load(config)


def test_what_is_wrong_is_corrected_where_it_was_given(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("port = 99999\n[limits]\nsessions = 0\n")
    for overrides, variable, where in (
        ({"port": 99_999}, "VOICEGW_PORT", "--port"),
        ({}, "VOICEGW_PORT", "VOICEGW_PORT"),
        ({}, "", str(config)),
        ({"port": 1}, "VOICEGW_LIMITS__SESSIONS", "VOICEGW_LIMITS__SESSIONS"),
        ({"port": 1}, "", str(config)),
    ):
        with monkeypatch.context() as patch:
            if variable:
                patch.setenv(variable, "-1")
            with pytest.raises(ConfigError) as caught:
                settings.load(config, overrides)
        assert where in caught.value.remedy


@pytest.mark.parametrize("left", ["", "\n", "one two"])
def test_a_file_without_a_password_is_none(tmp_path: Path, left: str) -> None:
    (tmp_path / "password").write_text(left)
    nats = Nats(urls=("nats://x",), user="front-a", password_file=tmp_path / "password")
    with pytest.raises(ConfigError, match=r"nats\.password_file"):
        nats.password()


def test_whose_home_is_not_known_is_named(config: Path) -> None:
    config.write_text('releases = "~nobody-of-this-name/x"')
    with pytest.raises(ConfigError, match="setting releases: there is no home for ~nobody"):
        settings.load(config)


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file beside the settings; what it sets is forgotten afterwards."""
    for name in ("VOICEGW_PORT", "VOICEGW_KEY", "TEST_API_KEY", "TEST_BASE"):
        monkeypatch.setenv(name, "x")
        monkeypatch.delenv(name)
    return tmp_path / ".env"


def test_the_env_file_beside_the_settings_is_read(config: Path, env: Path) -> None:
    config.write_text("port = 1234")
    env.write_text(
        "# mine\nexport VOICEGW_PORT=2345\nTEST_API_KEY='s k'\nTEST_BASE=http://${HOST_OF_NOBODY:-x}/\n"
    )
    assert settings.load(config).port == 2345
    keys = environment.api_keys()
    assert (keys["TEST_API_KEY"], keys["TEST_BASE"]) == ("s k", "http://x/")


def test_the_real_environment_wins_over_it(config: Path, env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.touch()
    env.write_bytes("VOICEGW_PORT=2345\r\nTEST_API_KEY=file\r\n".encode("utf-16"))
    monkeypatch.setenv("TEST_API_KEY", "real")
    assert (settings.load(config).port, environment.api_keys()["TEST_API_KEY"]) == (2345, "real")


def test_without_a_settings_file_the_one_of_the_working_directory_is_read(
    env: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(env.parent)
    env.write_text("VOICEGW_KEY=vgw_x")
    settings.read_env()
    assert environment.client_key(None) == "vgw_x"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"TEST_BASE=1\nsecret words\n", "line 2 is not NAME=value"),
        (b"A=\xff", "not UTF-8: byte 0xff in line 1"),
        (b"A=1\n'secret=b'=c\n", "line 2 is not NAME=value"),
        (b"''=c\n", "line 1 is not NAME=value"),
    ],
)
def test_what_is_wrong_in_it_is_named_and_not_repeated(
    config: Path, env: Path, content: bytes, said: str
) -> None:
    config.touch()
    env.write_bytes(content)
    with pytest.raises(ConfigError, match=said) as caught:
        settings.load(config)
    assert str(env) in caught.value.message
    assert "secret" not in caught.value.message


def test_a_virtual_environment_of_that_name_is_left_alone(config: Path, env: Path) -> None:
    config.touch()
    env.mkdir()
    settings.load(config)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.toml"):
        settings.load(tmp_path / "gone.toml")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("port = 70000", "port"),
        ("port = 'x'", "port"),
        ("prot = 1", "there is no setting prot: is port meant?"),
        ("zzz = 1", "there is no setting zzz"),
        ("media = -1", "media"),
        ("workers = 2", "setting workers is called media"),
        ("limits = {worker_memory_mb = 900}", "is called limits.media_memory_mb"),
        ("[limits]\nsessions = 0", "limits.sessions"),
        ("[limits]\nsesions = 1", "there is no setting limits.sesions: is limits.sessions meant?"),
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


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('data_dir = "a\\u0000b"', "it has a NUL"),
        ("x = " + "[" * 5_000 + "]" * 5_000, "nested too deep"),
        ("port = " + "5" * 5_000, "a number that is too long"),
    ],
    ids=["NUL", "deep", "long"],
)
def test_what_no_setting_can_be_is_named(config: Path, content: str, said: str) -> None:
    config.write_text(content)
    with pytest.raises(ConfigError, match=said) as caught:
        settings.load(config)
    assert caught.value.remedy


def test_a_value_of_the_environment_may_be_no_puzzle(monkeypatch: pytest.MonkeyPatch, config: Path) -> None:
    config.touch()
    monkeypatch.setenv("VOICEGW_NAMES", "[" * 100_000)
    with pytest.raises(ConfigError):
        settings.load(config)


def test_an_env_file_that_is_a_pipe_is_read(config: Path, env: Path) -> None:
    config.touch()
    os.mkfifo(env)
    kept = os.open(env, os.O_RDONLY | os.O_NONBLOCK)  # so that what is written waits to be read
    env.write_text("VOICEGW_KEY=vgw_piped")
    settings.load(config)
    os.close(kept)
    assert environment.client_key(None) == "vgw_piped"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"bot": "K\udcfcche/bot.py"}, "setting bot: .* is not UTF-8"),
        ({"bots": {"kitchen": "K\udcfcche"}}, "setting bots.kitchen: .* is not UTF-8"),
        ({"bot": ""}, "setting bot: it is empty"),
    ],
)
def test_a_bot_that_no_process_can_be_told_of_is_said_at_the_start(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        settings.load(None, values)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("VOICEGW_PROT", "VOICEGW_PORT"),
        ("voicegw_loglevel", "VOICEGW_LOG_LEVEL"),
        ("VOICEGW_LIMIT__SESSIONS", "VOICEGW_LIMITS"),
    ],
)
def test_a_variable_that_is_no_settings_and_looks_like_one_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, meant: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, "1")
    with pytest.raises(ConfigError, match=f"there is no setting {name}: is {meant} meant"):
        settings.load()


def test_what_else_is_called_like_ours_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keys of commands, where an engine is, and what Kubernetes tells of a service called voicegw."""
    monkeypatch.chdir(tmp_path)
    others = ("KEY", "IDENTITY", "WIFI_SSID", "TURNS_SOCKET", "SERVICE_HOST", "SERVICE_PORT", "PORT_7860_TCP")
    for name in others:
        monkeypatch.setenv(f"VOICEGW_{name}", "tcp://10.0.0.1:7860")
    assert settings.load().port == 7860
    monkeypatch.setenv("VOICEGW_PORT", "tcp://10.0.0.1:7860")
    with pytest.raises(ConfigError, match="setting port") as caught:
        settings.load()
    assert "enableServiceLinks: false" in caught.value.remedy


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ('[home_assistant]\nurl = "http://home:99999"', "home_assistant.url: it has no host, or no port"),
        ('[home_assistant]\nurl = "http://"', "home_assistant.url: it has no host"),
        ('[[mcp]]\nname = "a"\ntools = ["*"]\nurl = "http://ho st/"', "mcp.0.url: it has no host"),
        ('[phone]\nprovider = "twilio"\nurl = "https://voice:0"', "phone.url: it has no host, or no port"),
        ('[nats]\nurls = ["nats://h:abc"]', "nats.urls.0: it has no host, or no port"),
        ('[mqtt]\nhost = "mqtt://home"', "mqtt.host: write a name or an address alone"),
        ('[mqtt]\nhost = "home:1883"', "mqtt.host: write a name or an address alone"),
        ('[mqtt]\nhost = " "', "mqtt.host: write a name or an address alone"),
        ('ice_servers = [{urls = "stun:home:99999"}]', "ice_servers.0.urls.0: that is no URL"),
        ('names = ["https://voice.example"]', "names.0: write a name or an address alone"),
        ('names = ["voice.example:7860"]', "names.0: write a name or an address alone"),
        ('allowed_origins = ["example.com"]', "allowed_origins.0: write it as a browser does"),
        ('allowed_origins = ["https://example.com/page"]', "allowed_origins.0: write it as a browser does"),
        ('wake = "hey jarvis"', 'wake: write "always", "button", or a list of words'),
        ('wakes = {kitchen = [""]}', 'wakes.kitchen: write "always", "button", or a list of words'),
    ],
)
def test_what_cannot_work_is_said_before_it_is_tried(config: Path, stated: str, said: str) -> None:
    config.write_text(stated)
    with pytest.raises(ConfigError) as caught:
        settings.load(config)
    assert caught.value.message.startswith(f"setting {said}")


def test_what_can_work_is_taken(config: Path) -> None:
    config.write_text(
        'names = ["voice.example"]\nallowed_origins = ["*", "https://example.com/", "null", "app://x"]\n'
        'wake = ["hey jarvis"]\nice_servers = [{urls = "stun:home:65535"}]\n'
        '[mqtt]\nhost = "[fd00::5]"\n[home_assistant]\nurl = "http://[fd00::5]:8123/x"\n[nats]\nurls = ["tls://h"]'
    )
    chosen = settings.load(config)
    assert chosen.mqtt is not None
    assert (chosen.mqtt.host, chosen.wake) == ("fd00::5", ("hey jarvis",))
