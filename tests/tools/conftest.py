from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.gateway import Gateway
from tests.hil.simboard.conftest import firmware, quick_serial
from tests.tools import boards

__all__ = ["firmware", "quick_serial"]


@pytest.fixture(autouse=True)
def firmware_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a key would be made to sign firmware with; neither the user's nor, in CI, none."""
    path = tmp_path / "keys" / "firmware.key"
    monkeypatch.setenv("VOICEGW_FIRMWARE_KEY", str(path))
    monkeypatch.delenv("CI", raising=False)
    return path


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One that echoes, on loopback."""
    with Gateway(tmp_path_factory.mktemp("gateway"), {"bot": "echo"}) as started:
        yield started


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(boards.PASSWORD)
    return path


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release for the xmini-c3."""
    return boards.release(tmp_path_factory.mktemp("release"))


@pytest.fixture
def at_gateway(gateway: Gateway, tmp_path: Path) -> list[str]:
    """The options that lead a simulated board to a gateway on loopback, where no real board could call it."""
    path = tmp_path / "settings.toml"
    path.write_text(f'gateway = "{gateway.url}"\n')
    return ["--settings", str(path)]
