"""`voicegw nats`: what it wrote before is looked at before it is used."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from gateway.bus.connection import connected
from gateway.cli.nats import nats
from gateway.errors import ConfigError
from gateway.sections import Nats
from ground import installing


def write(folder: Path) -> None:
    nats(folder, ["127.0.0.1"], ["one"], None)


@pytest.mark.parametrize("left", ["", " \n", "one two"])
def test_a_password_that_is_none_is_named_and_nobody_gets_in_by_it(tmp_path: Path, left: str) -> None:
    write(tmp_path)
    told = (tmp_path / "nats" / "nats-server.conf").read_text()
    (tmp_path / "front-one" / "front-one.password").write_text(left)
    with pytest.raises(ConfigError, match=r"front-one\.password"):
        write(tmp_path)
    assert (tmp_path / "nats" / "nats-server.conf").read_text() == told


@pytest.mark.parametrize("name", ["nats/ca.pem", "ca.key"])
def test_an_authority_that_is_none_is_named(tmp_path: Path, name: str) -> None:
    write(tmp_path)
    (tmp_path / name).write_text("")
    with pytest.raises(ConfigError, match=r"ca\.pem and"):
        write(tmp_path)


def test_no_machine_gets_the_authoritys_key(tmp_path: Path) -> None:
    write(tmp_path)
    assert [path.relative_to(tmp_path) for path in tmp_path.rglob("ca.key")] == [Path("ca.key")]


def test_one_that_an_earlier_version_gave_to_nats_is_taken_back_and_goes_on(tmp_path: Path) -> None:
    write(tmp_path)
    key, certificate = tmp_path / "ca.key", tmp_path / "nats" / "ca.pem"
    vouches = key.read_bytes(), certificate.read_bytes()
    key.rename(tmp_path / "nats" / "ca.key")
    write(tmp_path)
    assert (key.read_bytes(), certificate.read_bytes()) == vouches
    assert not (tmp_path / "nats" / "ca.key").exists()


def test_what_is_to_be_typed_holds_in_a_folder_with_a_space(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "my members")
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Start NATS with: ")]
    assert shlex.split(line)[4] == str(tmp_path / "my members" / "nats")


async def test_without_its_client_the_line_that_brings_it_here_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "nats.errors", None)
    with pytest.raises(ConfigError) as caught:
        async with connected(Nats(urls=("nats://127.0.0.1:9",)), "front-one"):
            pass
    assert caught.value.remedy == installing.line("nats-py>=2.9,<3")
