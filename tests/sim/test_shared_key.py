"""Two boards that use one key end each other's calls; that is told wherever a person would look."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.support.device import device
from tests.support.gateway import GatewayProcess, client, voicegw
from tests.support.waiting import eventually
from tools import findings

NAME = "kitchen"


@pytest.mark.timeout(300)
async def test_two_boards_with_one_key_are_named(echo: GatewayProcess, tmp_path: Path) -> None:
    async with client(echo.url) as http:
        key = (await http.post("/api/devices", json={"name": NAME})).json()["key"]
        assert (await shared_by(echo)) == []
    async with (
        device(tmp_path / "a", "--id", "aaaaaaaaaaaa", url=echo.secure_url, key=key) as a,
        device(tmp_path / "b", "--id", "bbbbbbbbbbbb", url=echo.secure_url, key=key) as b,
    ):

        async def seen() -> bool:
            return bool(await shared_by(echo))

        await eventually(seen, "the shared key is seen", 200)
        assert "replaced" in a.failures()
        assert "replaced" in b.failures()
        two = ["aaaaaaaaaaaa at 127.0.0.1", "bbbbbbbbbbbb at 127.0.0.1"]
        assert {f"{d['id']} at {d['address']}" for d in await shared_by(echo)} == set(two)
        assert echo.log().count(f"several boards use the key of {NAME}: {' and '.join(two)}") == 1
        listed = await asyncio.to_thread(list_devices, echo, "--json")
        [row] = [row for row in json.loads(listed) if row["name"] == NAME]
        assert set(row["shared_by"]) == set(two)
        assert "several boards use its key" in await asyncio.to_thread(list_devices, echo)
        [finding] = [
            f for f in await asyncio.to_thread(lambda: [*findings.gateway(echo.url)]) if f.what == "key"
        ]
        assert finding.well is False
        assert all(board in finding.text for board in two)
        assert finding.remedy


async def test_a_board_that_restarts_is_not_taken_for_two(echo: GatewayProcess, tmp_path: Path) -> None:
    async with client(echo.url) as http:
        key = (await http.post("/api/devices", json={"name": "attic"})).json()["key"]
    async with device(tmp_path, "--id", "aaaaaaaaaaaa", url=echo.secure_url, key=key) as own:
        await own.live()
        for _ in range(5):
            before = own.states().count("live")
            await own.ask("reconnect")

            async def again(before: int = before) -> bool:
                return own.states().count("live") > before

            await eventually(again, "it is live again")
    assert await shared_by(echo, "attic") == []


async def shared_by(gateway: GatewayProcess, name: str = NAME) -> list[dict[str, str]]:
    [found] = [d for d in (await gateway.state())["devices"] if d["name"] == name]
    boards: list[dict[str, str]] = found["shared_by"]
    return boards


def list_devices(gateway: GatewayProcess, *arguments: str) -> str:
    config = ["--config", str(gateway.directory / "voicegw.toml")]
    extra = {"VOICEGW_PORT": str(gateway.port)}
    done = voicegw("devices", *config, "--seconds", "0", *arguments, extra=extra)
    assert done.returncode == 0, done.stderr
    return done.stdout
