from __future__ import annotations

from pathlib import Path

import pytest
from pipecat.runner.run import _parse_ice_servers

from gateway import ice_servers
from gateway.errors import ConfigError
from gateway.ice_servers import IceServer
from gateway.settings import Settings, load

SERVER = '{"urls": ["turn:turn.example:3478?transport=tcp"], "username": "u", "credential": "p"}'


@pytest.mark.parametrize(
    "text",
    ["", "stun:stun.example", "stun:a.example:1, turn:[fd00::1]:2", SERVER, f'["stun:b.example", {SERVER}]'],
)
def test_the_environment_is_read_as_pipecats_runner_reads_it(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPECAT_ICE_SERVERS", text)
    told = [server.told() for server in Settings().ice_servers]
    theirs = [
        {**server, "urls": [server["urls"]] if isinstance(server["urls"], str) else server["urls"]}
        for server in _parse_ice_servers(text)
    ]
    assert told == theirs


@pytest.mark.parametrize("text", ["http://x", "{", '[{"username": "u"}]', '{"urls": "stun:a", "what": 1}'])
def test_what_is_no_server_is_named_at_the_start(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPECAT_ICE_SERVERS", text)
    with pytest.raises(ConfigError, match="PIPECAT_ICE_SERVERS"):
        load()


def test_a_password_in_a_url_is_not_repeated(tmp_path: Path) -> None:
    config = tmp_path / "voicegw.toml"
    config.write_text('[[ice_servers]]\nurls = "turn:me:hunter2@turn.lan"\n')
    with pytest.raises(ConfigError, match="`username` and `credential`") as caught:
        load(config)
    assert "hunter2" not in f"{caught.value.message}{caught.value.remedy}"


def test_the_relays_are_those_of_turn() -> None:
    server = IceServer(urls=("stun:a.example", "turn:b.example:1", "turns:[fd00::1]"))
    assert server.relays == {"b.example", "fd00::1"}
    assert ice_servers.PUBLIC["urls"] == ["stun:stun.l.google.com:19302"]
