"""`voicegw nats`: what it wrote before is looked at before it is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli.nats import nats
from gateway.errors import ConfigError


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


@pytest.mark.parametrize("name", ["ca.pem", "ca.key"])
def test_an_authority_that_is_none_is_named(tmp_path: Path, name: str) -> None:
    write(tmp_path)
    (tmp_path / "nats" / name).write_text("")
    with pytest.raises(ConfigError, match=r"ca\.pem and"):
        write(tmp_path)
