"""By which id mDNS knows the gateway, over restarts."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.front.identity import instance_id
from gateway.settings import Settings


def test_it_is_made_once(tmp_path: Path) -> None:
    made = instance_id(Settings(data_dir=tmp_path))
    assert instance_id(Settings(data_dir=tmp_path)) == made
    assert [path.name for path in tmp_path.iterdir()] == ["gateway-id"]


@pytest.mark.parametrize("left", ["", "cafe", "CAFE0001", "cafe0001 cafe0002"])
def test_what_is_none_is_named_and_not_replaced(tmp_path: Path, left: str) -> None:
    """Devices that look for this gateway would not find another."""
    (tmp_path / "gateway-id").write_text(left)
    with pytest.raises(ConfigError, match="gateway-id cannot be used"):
        instance_id(Settings(data_dir=tmp_path))
    assert (tmp_path / "gateway-id").read_text() == left
