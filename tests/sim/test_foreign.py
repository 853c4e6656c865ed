"""A gateway's machine with more networks than the device's: it is found at the address that leads to it, each time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import lan
from tests.support.device import device
from tests.support.gateway import serving

STARTS = 3

pytestmark = pytest.mark.skipif(not lan.possible(), reason="network namespaces need root and iproute2")


@pytest.fixture
def machine() -> Iterator[lan.Machine]:
    with lan.machine() as made:
        yield made


async def test_a_device_is_live_in_each_start_of_a_gateway_beside_docker_and_a_tunnel(
    machine: lan.Machine, tmp_path: Path
) -> None:
    machine.add_foreign()
    own_lan = ["--interface", "here1"]
    for number in range(STARTS):
        folder = tmp_path / str(number)
        async with (
            serving(folder / "gateway", {"open": True}, host="::", prefix=machine.prefix),
            device(folder / "device", *own_lan) as own,
        ):
            await own.live()
            assert (await own.ask("state"))["gateway"] == machine.there(1)
            assert "unreachable" not in own.failures()
