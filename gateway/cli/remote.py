"""A running gateway, asked over HTTP by a command of ours."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final
from urllib.parse import quote

import httpx

from gateway.environment import client_identity
from gateway.errors import BadRequest, GatewayError, Unreachable
from ground import operator, pinned
from ground.typed import gateway_url

_POLL_SECONDS: Final = 0.5


class Remote:
    """A gateway at a URL.

    Args:
        url: such as `http://127.0.0.1:7860`.
        key: an operator's; none is needed by the account that runs a gateway, on its machine.

    Raises:
        Trouble: nothing can be sent to this URL, or nobody vouches for who is there.
    """

    def __init__(self, url: str, key: str | None = None) -> None:
        self._url = gateway_url(url)
        told = client_identity()
        self._verify: ssl.SSLContext | bool = (
            pinned.trust(self._url, told) if self._url.startswith("https:") else True
        )
        key = key or operator.secret_for(self._url)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request; what the answer's JSON holds.

        Raises:
            Unreachable: nobody answers, or no gateway does. GatewayError: its problem, with the code that it has.
        """
        try:
            async with httpx.AsyncClient(
                timeout=20, trust_env=False, headers=self._headers, verify=self._verify
            ) as client:
                response = await client.request(method, self._url + path, json=body)
            found = response.json() if response.content else None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise BadRequest(f"nothing can be sent to {self._url}", remedy="look at the URL") from error
        except httpx.HTTPError as error:
            raise Unreachable(
                f"no gateway answers at {self._url} ({type(error).__name__})",
                remedy="start one: make run, or voicegw serve",
            ) from error
        except ValueError as error:
            raise Unreachable(
                f"what answers at {self._url} is no gateway", remedy="look at the address and the port"
            ) from error
        if response.is_error:
            told = found if isinstance(found, dict) else {}
            failure = GatewayError(told.get("detail", response.text), remedy=told.get("remedy", ""))
            failure.code = told.get("code", "internal")
            raise failure
        return found

    async def update(
        self, devices: Sequence[str] | None, version: str | None, *, older: bool
    ) -> AsyncIterator[dict[str, Any]]:
        """Have devices take a release, one first; each device when it is further (docs/protocol.md, rollout).

        Args:
            devices: by name; `None` for all in a call that run something older, or something else than `version`.
            version: the newest for its board if `None`.
            older: though it be older than what runs there.

        Raises:
            GatewayError: one is in no call, there is no such release, or devices are being updated already.
        """
        body = {"devices": devices, "version": version, "older": older}
        found = await self.ask("POST", "/api/rollout", body)
        told: dict[str, Any] = {}
        while True:
            for course in found["devices"]:
                if told.get(course["device"]) != course:
                    told[course["device"]] = course
                    yield course
            if found["done"]:
                return
            await asyncio.sleep(_POLL_SECONDS)
            found = (await self.ask("GET", "/api/state"))["rollout"]

    async def command(self, device: str, command: str, value: Any) -> None:
        """Send a device a command (docs/protocol.md, data channel); its answer comes as a report.

        Raises:
            GatewayError: it is in no call.
        """
        await self.of_device("POST", device, "command", {"command": command, "value": value})

    async def of_device(self, method: str, device: str, what: str, body: Any = None) -> Any:
        """Ask for something of a device; raises as `ask` does."""
        return await self.ask(method, f"/api/devices/{quote(device, safe='')}/{what}", body)
