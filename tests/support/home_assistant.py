"""A real Home Assistant on loopback, set up by its own API: a lamp in the kitchen, one in the hall, and who may ask.

Its program is the one that `VOICEGW_TEST_HASS` names, or `hass` on PATH: docs/home-assistant.md has how to install it
beside this checkout.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import httpx

from tests.support.waiting import eventually

HASS: Final = os.environ.get("VOICEGW_TEST_HASS") or shutil.which("hass")
START_SECONDS: Final = 120.0
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
assist_pipeline:
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

    async def version(self) -> str:
        """Its own."""
        found: str = (await self._get("/api/config"))["version"]
        return found

    async def state(self, entity: str) -> str | None:
        """The state of an entity; `None` where it has no such."""
        try:
            found: str = (await self._get(f"/api/states/{entity}"))["state"]
        except httpx.HTTPStatusError as error:
            if error.response.status_code == httpx.codes.NOT_FOUND:
                return None
            raise
        return found

    async def becomes(self, entity: str, state: str) -> None:
        """Wait until an entity has this state."""

        async def so() -> bool:
            return await self.state(entity) == state

        await eventually(so, f"{entity} is {state}")

    async def has_not(self, entity: str) -> None:
        """Wait until it has no such entity."""

        async def so() -> bool:
            return await self.state(entity) is None

        await eventually(so, f"there is no {entity}")

    async def call(self, service: str, entity: str, **what: Any) -> None:
        """Call a service of an entity, `light.turn_on` say, as its page does."""
        domain, _, name = service.partition(".")
        await self._post(f"/api/services/{domain}/{name}", {"entity_id": entity, **what})

    async def add_mqtt(self, port: int, username: str, password: str) -> None:
        """Add the integration MQTT, as who lives there does on its page."""
        flow = await self._post("/api/config/config_entries/flow", {"handler": "mqtt"})
        broker = {"broker": "127.0.0.1", "port": port, "username": username, "password": password}
        made = await self._post(f"/api/config/config_entries/flow/{flow['flow_id']}", broker)
        assert made["type"] == "create_entry", made

    async def ask(self, **what: Any) -> Any:
        """The result of a command of its WebSocket API."""
        async with aiohttp.ClientSession() as http, http.ws_connect(f"{self.url}/api/websocket") as socket_:
            await socket_.receive_json()
            await socket_.send_json({"type": "auth", "access_token": self.token})
            assert (await socket_.receive_json())["type"] == "auth_ok"
            await socket_.send_json({"id": 1, **what})
            told = await socket_.receive_json()
        assert told["success"], told
        return told["result"]

    async def _get(self, path: str) -> Any:
        async with self._http() as http:
            return (await http.get(path)).raise_for_status().json()

    async def _post(self, path: str, body: Any) -> Any:
        async with self._http() as http:
            return (await http.post(path, json=body)).raise_for_status().json()

    def _http(self) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=30)


@contextlib.asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    """Run one for the length of the block. It installs nothing, and so asks nobody but loopback."""
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
        at = await _entered(f"http://127.0.0.1:{port}", process, folder)
        await _place(at)
        yield at
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _entered(url: str, process: asyncio.subprocess.Process, folder: Path) -> House:
    """Be its first user."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as http:

        async def there() -> bool:
            log = (folder / "out.log").read_text()
            assert process.returncode is None, log
            assert "Activating recovery mode" not in log, log
            with contextlib.suppress(httpx.HTTPError):
                return (await http.get("/api/onboarding")).status_code == httpx.codes.OK
            return False

        await eventually(there, "Home Assistant listens", START_SECONDS)
        who = {"name": "Test", "username": "test", "password": "no secret", "language": "en"}
        made = await http.post("/api/onboarding/users", json={**who, "client_id": _CLIENT})
        code = made.raise_for_status().json()["auth_code"]
        grant = {"grant_type": "authorization_code", "code": code, "client_id": _CLIENT}
        token = (await http.post("/auth/token", data=grant)).raise_for_status().json()["access_token"]
    return House(url, token)


async def _place(at: House) -> None:
    """Give each lamp its room; a new Home Assistant has a kitchen already."""
    areas = {area["name"].lower(): area for area in await at.ask(type="config/area_registry/list")}
    for room in ("kitchen", "hall"):
        area = areas.get(room) or await at.ask(type="config/area_registry/create", name=room)
        entity = f"light.{room}_lamp"
        await at.ask(type="config/entity_registry/update", entity_id=entity, area_id=area["area_id"])
