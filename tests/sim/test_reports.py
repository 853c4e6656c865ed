"""What a device tells the gateway of itself, and what an operator tells a device through it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.support.device import device
from tests.support.gateway import GatewayProcess, client, voicegw
from tests.support.waiting import eventually

ID = "0123456789ab"


async def test_its_figures_reach_the_page_and_the_metrics(echo: GatewayProcess, tmp_path: Path) -> None:
    async with device(tmp_path, "--id", ID, url=echo.secure_url) as own, client(echo.url) as http:
        await own.live()

        async def told() -> bool:
            [session] = await echo.sessions()
            return session["figures"] is not None and session["figures"]["received"] > 50

        await eventually(told, "the figures are told")
        assert "voicegw_device_received{" in (await http.get("/metrics")).text


async def test_a_command_reaches_it_and_its_answer_comes_back(echo: GatewayProcess, tmp_path: Path) -> None:
    async with device(tmp_path, "--id", ID, url=echo.secure_url) as own:
        await own.live()
        await told_ready(own)
        told = await asyncio.to_thread(voicegw, "devices", "tell", ID, "volume", "31", "--url", echo.url)
        assert (told.returncode, told.stdout) == (0, f"{ID} is told.\n")

        async def answered() -> bool:
            return {"command": "volume", "ok": True} in [r["data"] for r in await reports(echo)]

        await eventually(answered, "the command is answered")
        assert (await own.ask("settings get volume"))["volume"] == "31"


async def test_a_command_to_nobody_is_not_found(echo: GatewayProcess) -> None:
    async with client(echo.url) as http:
        answer = await http.post("/api/devices/nobody/command", json={"command": "identify"})
    assert answer.status_code == 404
    assert answer.json()["detail"] == "nobody is in no call"


async def test_a_release_that_is_not_there_updates_nothing(echo: GatewayProcess, tmp_path: Path) -> None:
    async with device(tmp_path, "--id", ID, url=echo.secure_url) as own:
        await own.live()
        found = await asyncio.to_thread(voicegw, "devices", "update", ID, "--url", echo.url)
    assert found.returncode == 1
    assert "there is no release for board host" in found.stderr


async def told_ready(own: Any) -> None:
    await own.told(lambda event: event["event"] == "bot_ready", "the bot is ready")


async def reports(gateway: GatewayProcess) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await gateway.state())["reports"]
    return found
