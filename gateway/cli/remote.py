"""A running gateway, asked over HTTP by a command of ours."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from types import NoneType
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx

from gateway.cli import answers
from gateway.environment import client_identity
from gateway.errors import BadRequest, ConfigError, GatewayError, TlsRequired, Unreachable
from ground import operator, pinned
from ground.typed import gateway_url

T = TypeVar("T")

_POLL_SECONDS: Final = 0.5


class Remote:
    """A gateway at a URL.

    Args:
        url: such as `http://127.0.0.1:7860`; this machine's by default. One elsewhere that has no scheme is asked over
            https where it speaks that.
        key: an operator's; none is needed by the account that runs a gateway, on its machine.

    Raises:
        Trouble: nothing can be sent to this URL, nobody vouches for who is there, or others could read the key.
    """

    def __init__(self, url: str | None, key: str | None = None) -> None:
        self.url = _found(operator.here() if url is None else url)
        told = client_identity()
        self._verify: ssl.SSLContext | bool = (
            pinned.trust(self.url, told) if self.url.startswith("https:") else True
        )
        key = key or operator.secret_for(self.url)
        if key:
            pinned.must_be_private(self.url)
        self._headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {key}"} if key else {}
        )

    async def ask(self, form: type[T], method: str, path: str, body: Any = None) -> T:
        """Send a request.

        Args:
            form: of what the answer's JSON holds; `NoneType` where it holds nothing.
            method: GET, say.
            path: from the URL on.
            body: to be sent as JSON.

        Raises:
            ConfigError: the body can't be sent. GatewayError: the gateway's problem, with the code that it has.
            Unreachable: nobody answers, or no gateway does.
        """
        content = _encoded(body)
        try:
            async with httpx.AsyncClient(
                timeout=20, trust_env=False, headers=self._headers, verify=self._verify
            ) as client:
                response = await client.request(method, self.url + path, content=content)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise BadRequest(f"nothing can be sent to {self.url}", remedy="look at the URL") from error
        except httpx.HTTPError as error:
            raise Unreachable(
                f"no gateway answers at {self.url} ({type(error).__name__})",
                remedy="start one: make run, or voicegw serve",
            ) from error
        return self._read(response, form)

    def _read(self, response: httpx.Response, form: type[T]) -> T:
        try:
            found: Any = response.json() if response.content else None
        except (ValueError, RecursionError):
            found = response
        if response.is_success and answers.has_form(found, form):
            result: T = found
            return result
        if response.is_error and answers.has_form(found, answers.Problem):
            failure = GatewayError(found["detail"], remedy=found["remedy"])
            failure.code = found["code"]
            raise failure
        if response.has_redirect_location:
            raise self._elsewhere(response.headers["location"])
        raise Unreachable(
            f"what answers at {self.url} is no gateway, or one of another version (status {response.status_code})",
            remedy="look at the address and the port",
        )

    def _elsewhere(self, location: str) -> GatewayError:
        if self.url.startswith("http:") and location.startswith("https:"):
            secure = self.url.replace("http:", "https:", 1)
            return TlsRequired(f"{self.url} is asked over https alone", remedy=f"give it as {secure}")
        return Unreachable(
            f"{self.url} sends its clients elsewhere: {location[:200]}",
            remedy="look at the address and the port",
        )

    async def update(
        self, devices: Sequence[str] | None, version: str | None, *, older: bool
    ) -> AsyncIterator[answers.Course]:
        """Have devices take a release, one first; each device when it is further (docs/protocol.md, rollout).

        Args:
            devices: by name; `None` for all in a call that run something older, or something else than `version`.
            version: the newest for its board if `None`.
            older: though it be older than what runs there.

        Raises:
            GatewayError: one is in no call, there is no such release, or devices are being updated already.
        """
        body = {"devices": devices, "version": version, "older": older}
        found: answers.Rollout | None = await self.ask(answers.Rollout, "POST", "/api/rollout", body)
        told: dict[str, Any] = {}
        while found is not None:
            for course in found["devices"]:
                if told.get(course["device"]) != course:
                    told[course["device"]] = course
                    yield course
            if found["done"]:
                return
            await asyncio.sleep(_POLL_SECONDS)
            found = (await self.ask(answers.State, "GET", "/api/state"))["rollout"]
        raise GatewayError(
            "the gateway started anew, and updates no devices now",
            remedy="see what they run: voicegw devices",
        )

    async def command(self, device: str, command: str, value: Any) -> None:
        """Send a device a command (docs/protocol.md, data channel); its answer comes as a report.

        Raises:
            GatewayError: it is in no call.
        """
        await self.of_device(NoneType, "POST", device, "command", {"command": command, "value": value})

    async def of_device(self, form: type[T], method: str, device: str, what: str, body: Any = None) -> T:
        """Ask for something of a device; raises as `ask` does."""
        _encoded(device)
        return await self.ask(form, method, f"/api/devices/{quote(device, safe='')}/{what}", body)


def _found(given: str) -> str:
    """The URL of the gateway that was given."""
    url = gateway_url(given)
    if "://" in given or operator.leads_here(url):
        return url
    secure = url.replace("http:", "https:", 1)
    return secure if pinned.speaks_tls(secure) else url


def _encoded(body: Any) -> bytes | None:
    """As JSON; raises ConfigError for what has none: a byte that was no UTF-8 in the terminal, or NaN."""
    if body is None:
        return None
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        raise ConfigError(
            "what is to be sent is no text or number that JSON has",
            remedy="type it again, in a terminal that speaks UTF-8",
        ) from None
