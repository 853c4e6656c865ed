"""The key never leaves the device: what a fake gateway learns, and what a recording is good for."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.support.certificates import self_signed
from tests.support.device import device
from tests.support.gateway import GatewayProcess, client
from tests.support.middle import between, http, scripted
from tests.support.waiting import until

NAME = "pantry"


@pytest_asyncio.fixture
async def key(echo: GatewayProcess) -> str:
    async with client(echo.url) as operator:
        await operator.delete(f"/api/devices/{NAME}")
        return str((await operator.post("/api/devices", json={"name": NAME})).json()["key"])


async def test_a_device_with_a_key_is_live_over_tls(echo: GatewayProcess, tmp_path: Path, key: str) -> None:
    async with device(tmp_path, "--fingerprint", echo.identity, url=echo.secure_url, key=key) as own:
        await own.live()
        await own.hears(440)
        assert [s["device"] for s in await echo.sessions()] == [NAME]


@pytest.mark.parametrize("secure", [True, False])
async def test_a_fake_gateway_learns_nothing_of_the_key_and_gets_no_call(
    tmp_path: Path, key: str, echo: GatewayProcess, *, secure: bool
) -> None:
    """It gets the device's first call, for nothing is pinned yet, and passes all on to the real one."""
    made = self_signed(tmp_path) if secure else None
    async with (
        between(echo.url, secure=made.server() if made else None) as fake,
        device(tmp_path / "own", url=fake.url, key=key) as own,
    ):
        if secure:
            await own.fails("key_rejected")  # what it proves, it proves to the fake
        else:
            await own.live()  # this machine may speak plainly
        assert any(request.startswith(b"POST ") for request in fake.requests)
        assert not any(key.encode() in request for request in fake.requests)
        pinned = (await own.ask("settings get fingerprint"))["fingerprint"]
        assert not pinned


async def test_one_that_says_yes_to_everything_gets_no_sound(tmp_path: Path) -> None:
    answer = {"type": "answer", "sdp": "v=0\r\na=fingerprint:sha-256 " + ":".join(["AA"] * 32) + "\r\n"}
    async with scripted(http(200, answer)) as fake, device(tmp_path, url=fake.url, key="hush") as own:
        await own.fails("gateway_unproven")
        assert not any(b"hush" in request for request in fake.requests)


async def test_a_gateway_from_before_is_told_no_key(tmp_path: Path) -> None:
    async with scripted(None) as fake, device(tmp_path, url=fake.url, key="hush"):
        await until(lambda: len(fake.requests) > 0, "it asks")
        assert fake.requests[0].startswith(b"GET /api/challenge ")
        assert b"hush" not in fake.requests[0]


async def test_a_recorded_offer_is_good_for_nothing(echo: GatewayProcess, tmp_path: Path, key: str) -> None:
    async with between(echo.url) as wire, device(tmp_path, url=wire.url, key=key) as own:
        await own.live()
        recorded = [request for request in wire.requests if request.startswith(b"POST ")][-1]
    head, _, body = recorded.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    async with httpx.AsyncClient(trust_env=False) as thief:
        kept = {k: v for k, v in headers.items() if k in {"Authorization", "Content-Type"}}
        again = await thief.post(f"{echo.url}/api/offer", content=body, headers=kept)
        assert (again.status_code, again.json()["code"]) == (401, "key_required")
