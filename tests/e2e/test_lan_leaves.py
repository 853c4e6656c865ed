"""Interfaces that go and come under a running gateway are told of, without a trace of whatever stumbles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support import lan
from tests.support.gateway import serving, voicegw
from tests.support.peer import Peer, gathering_on

pytestmark = pytest.mark.skipif(not lan.possible(), reason="network namespaces need root and iproute2")


@pytest.fixture
def machine() -> Iterator[lan.Machine]:
    with lan.machine() as made:
        yield made


async def test_interfaces_that_go_and_come_are_no_traces(machine: lan.Machine, tmp_path: Path) -> None:
    async with serving(
        tmp_path,
        {"limits": {"vanish_timeout_s": 2.0, "reconnect_timeout_s": 0.0}},
        host="::",
        prefix=machine.prefix,
    ) as gateway:
        config = str(tmp_path / "voicegw.toml")
        key = json.loads(voicegw("devices", "--config", config, "add", "kitchen", "--json").stdout)["key"]
        await gateway.logged("announced as")
        for v6 in (False, True):
            there = machine.there(1, v6=v6)
            url = f"https://{f'[{there}]' if v6 else there}:{gateway.port}"
            gather = partial(gathering_on, machine.here(1, v6=v6))
            async with Peer(url, key=key, gather=gather, request_data=None if v6 else {"device": {}}) as peer:
                await peer.connect()
                await peer.hears()
                gateway.forget_log()
                machine.leave(1)
                await gateway.logged("session ended: vanished")
            machine.leave(2)
            await gateway.logged("this machine is on no network")
            machine.join(1)
            machine.join(2)
            for number in (1, 2):
                await gateway.logged(f" on {machine.there(number)}, {machine.there(number, v6=True)}")
            log = gateway.log()
            assert "Traceback" not in log
            assert "Error" not in log
            assert [
                line for line in log.splitlines() if "WARNING" in line and "on no network" not in line
            ] == []
            assert log.count("on no network") == 1
