"""A real Home Assistant on loopback, set up by its own API: a lamp in the kitchen, one in the hall, and who may ask.

Its program is the one that `VOICEGW_TEST_HASS` names, or `hass` on PATH: docs/home-assistant.md has how to install it
beside this checkout.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from tests.support.waiting import eventually

HASS: Final = os.environ.get("VOICEGW_TEST_HASS") or shutil.which("hass")
START_SECONDS: Final = 300.0
_CLIENT: Final = "http://127.0.0.1/"
_CONFIGURATION: Final = """
homeassistant:
  name: Home
  time_zone: UTC
http:
  server_host: 127.0.0.1
  server_port: {port}
api:
websocket_api:
onboarding:
config:
conversation:
input_boolean:
  kitchen:
  hall:
template:
light:
  - platform: template
    lights:
{lights}
"""
_LIGHT: Final = """
      {name}_lamp:
        unique_id: {name}
        friendly_name: {name} lamp
        value_template: "{{{{ is_state('input_boolean.{name}', 'on') }}}}"
        turn_on: {{service: input_boolean.turn_on, target: {{entity_id: input_boolean.{name}}}}}
        turn_off: {{service: input_boolean.turn_off, target: {{entity_id: input_boolean.{name}}}}}
"""


@dataclass(frozen=True, slots=True)
class House:
    """A Home Assistant that runs."""

    url: str
    token: str

    async def state(self, entity: str) -> str:
        """The state of an entity."""
        async with self._http() as http:
            found: str = (await http.get(f"/api/states/{entity}")).raise_for_status().json()["state"]
        return found

    def _http(self) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=30)


@contextlib.asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    """Run one for the length of the block."""
    assert HASS is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    lights = "".join(_LIGHT.format(name=name) for name in ("kitchen", "hall"))
    (folder / "configuration.yaml").write_text(_CONFIGURATION.format(port=port, lights=lights))
    with (folder / "out.log").open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *[HASS, "-c", str(folder), "--skip-pip", "--log-file", str(folder / "hass.log")],
            stdout=out,
            stderr=asyncio.subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        token = await _enter(url, process, folder)
        yield House(url, token)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _enter(url: str, process: asyncio.subprocess.Process, folder: Path) -> str:
    """Be its first user, and place the lamps; gives a token."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as http:

        async def there() -> bool:
            assert process.returncode is None, (folder / "out.log").read_text()
            with contextlib.suppress(httpx.HTTPError):
                return (await http.get("/api/onboarding")).status_code == httpx.codes.OK
            return False

        await eventually(there, "Home Assistant listens", START_SECONDS)
        who = {"name": "Test", "username": "test", "password": "no secret", "language": "en"}
        made = await http.post("/api/onboarding/users", json={**who, "client_id": _CLIENT})
        code = made.raise_for_status().json()["auth_code"]
        grant = {"grant_type": "authorization_code", "code": code, "client_id": _CLIENT}
        token: str = (await http.post("/auth/token", data=grant)).raise_for_status().json()["access_token"]
    await _place(url, token)
    return token


async def _place(url: str, token: str) -> None:
    """Give each lamp its room, over the WebSocket API."""
    import aiohttp  # noqa: PLC0415 -- comes with Pipecat

    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/api/websocket") as socket_:
        await socket_.receive_json()
        await socket_.send_json({"type": "auth", "access_token": token})
        assert (await socket_.receive_json())["type"] == "auth_ok"
        number = 0

        async def do(**what: Any) -> Any:
            nonlocal number
            number += 1
            await socket_.send_json({"id": number, **what})
            told = await socket_.receive_json()
            assert told["success"], json.dumps(told)
            return told["result"]

        for room in ("kitchen", "hall"):
            area = await do(type="config/area_registry/create", name=room)
            entity = f"light.{room}_lamp"
            await do(type="config/entity_registry/update", entity_id=entity, area_id=area["area_id"])
