"""A gateway on a machine with bridges and a tunnel: at each start a device finds it at an address that leads there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import lan
from tests.support.device import device
from tests.support.gateway import serving, voicegw, write_settings

pytestmark = pytest.mark.skipif(not lan.possible(), reason="network namespaces need root and iproute2")
STARTS = int(os.environ.get("VOICEGW_STARTS", "4"))
"""The order in which a machine's addresses are announced differs from start to start: 20 before a release."""


@pytest.fixture(scope="module")
def machine() -> Iterator[lan.Machine]:
    with lan.machine() as made:
        made.add_foreign()
        yield made


@pytest.mark.timeout(300 + 60 * STARTS)
async def test_a_device_is_in_a_call_after_each_start(machine: lan.Machine, tmp_path: Path) -> None:
    settings = {"name": "many"}
    (tmp_path / "gateway").mkdir()
    config = str(write_settings(tmp_path / "gateway", settings))
    added = voicegw("devices", "--config", config, "add", "kitchen", "--json")
    key = json.loads(added.stdout)["key"]
    for start in range(STARTS):
        async with (
            serving(tmp_path / "gateway", settings, host="::", prefix=machine.prefix) as gateway,
            device(tmp_path / "own", "--interface", "here1", key=key, plain=True) as own,
        ):
            await own.live()
            about = await own.ask("state")
            assert (about["gateway"], about["port"]) == (machine.there(1), gateway.port), start
            assert "unreachable" not in own.failures(), start
