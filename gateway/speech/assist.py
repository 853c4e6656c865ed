"""A Home Assistant's own Assist pipeline, asked for what it says to a text: over its WebSocket API."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from loguru import logger
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from gateway.errors import ConfigError
from gateway.sections import MAKER, HomeAssistant
from gateway.speech.dialogue import NO_HOME, last_user_text, trim
from gateway.speech.home_assistant import HomeTrouble, token_of
from gateway.speech.meaning.understanding import UNCLEAR
from gateway.speech.tooling import why

_SECONDS: Final = 60.0
"""For an answer: the agent of a pipeline may be a language model with tools."""
_MAX_BYTES: Final = 32 * 1024 * 1024
"""Of a message: a large home's registry of devices is one."""
_ODD: Final = (
    *(TimeoutError, aiohttp.ClientError, OSError),
    *(ValueError, TypeError, KeyError, AttributeError),
)
"""What comes of one that is away, and of one that answers what its API has not."""
_NOTHING: Final = "Sorry, I have no answer to that."


class _Lost(HomeTrouble):
    """The connection is of no use any more."""


class Assist:
    """One conversation with the pipeline that a Home Assistant's user prefers, or the one that the settings name.

    Args:
        settings: where it is.
        environment: where its token is.
        device: who speaks, by its name here. As one of the devices there (`[mqtt]`), its area is where "the light" is.

    Raises:
        ConfigError: there is no token.
    """

    def __init__(
        self, settings: HomeAssistant, environment: Mapping[str, str], device: str | None = None
    ) -> None:
        self._url = settings.url.rstrip("/")
        self._token = token_of(settings, environment)
        self._pipeline = settings.pipeline
        self._device = device
        self._timeout_s = settings.timeout_s
        self._conversation: str | None = None
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._number = 0
        self._own: str | None = None

    async def ask(self, text: str) -> str:
        """What it says.

        Raises:
            HomeTrouble: it does not answer, or not as it should. ConfigError: it does not take the token.
        """
        held = self._socket is not None
        try:
            return await self._tried(text)
        except _Lost:
            if not held:
                raise
            return await self._tried(text)  # a connection that was lost shows it when it is used

    async def _tried(self, text: str) -> str:
        try:
            return await asyncio.wait_for(self._ask(text), _SECONDS)
        except _ODD as error:
            await self._hang_up()
            raise _Lost(f"Home Assistant does not answer at {self._url} ({why(error)})") from None

    async def _ask(self, text: str) -> str:
        socket = await self._connected()
        asked: dict[str, Any] = {
            "type": "assist_pipeline/run",
            "start_stage": "intent",
            "end_stage": "intent",
            "input": {"text": text},
        }
        if self._pipeline is not None:
            asked["pipeline"] = await self._id_of(socket, self._pipeline)
        if self._own is not None:
            asked["device_id"] = self._own
        if self._conversation is not None:
            asked["conversation_id"] = self._conversation
        asked["id"] = await self._sent(socket, asked)
        said = ""
        while True:
            told = await socket.receive_json()
            if told.get("id") != asked["id"]:
                continue
            if told["type"] == "result":
                _succeeded(told)
                continue
            kind, data = told["event"]["type"], told["event"].get("data") or {}
            if kind == "error":
                raise HomeTrouble(f"Home Assistant's pipeline says: {data.get('message', data)}")
            if kind == "intent-end":
                output = data["intent_output"]
                self._conversation = output.get("conversation_id")
                said = str(output["response"]["speech"].get("plain", {}).get("speech") or "")
            if kind == "run-end":
                return said

    async def _id_of(self, socket: aiohttp.ClientWebSocketResponse, name: str) -> str:
        told = await self._result(socket, {"type": "assist_pipeline/pipeline/list"})
        _succeeded(told)
        found = {pipeline["name"]: str(pipeline["id"]) for pipeline in told["result"]["pipelines"]}
        if name not in found:
            raise ConfigError(
                f"Home Assistant has no pipeline {name!r}", remedy=f"it has {', '.join(sorted(found))}"
            )
        return found[name]

    async def _own_id(self, socket: aiohttp.ClientWebSocketResponse) -> str | None:
        """The id there of the device that speaks; `None` where it has none, or two have its name."""
        if self._device is None:
            return None
        told = await self._result(socket, {"type": "config/device_registry/list"})
        if not told.get("success"):  # its user may not see it
            return None
        ours = [d for d in told["result"] if (d.get("manufacturer"), d.get("name")) == (MAKER, self._device)]
        return str(ours[0]["id"]) if len(ours) == 1 else None

    async def _result(self, socket: aiohttp.ClientWebSocketResponse, asked: dict[str, Any]) -> dict[str, Any]:
        """What comes of a request. What is left of a run that was interrupted or failed comes before it."""
        number = await self._sent(socket, asked)
        while True:
            told: dict[str, Any] = await socket.receive_json()
            if told.get("id") == number:
                return told

    async def _sent(self, socket: aiohttp.ClientWebSocketResponse, asked: dict[str, Any]) -> int:
        """Ask for something; gives the number that its answers have."""
        self._number += 1
        await socket.send_json({"id": self._number, **asked})
        return self._number

    async def _connected(self) -> aiohttp.ClientWebSocketResponse:
        if self._socket is not None and not self._socket.closed:
            return self._socket
        if self._http is None:
            self._http = aiohttp.ClientSession()
        async with asyncio.timeout(self._timeout_s):
            socket = await self._http.ws_connect(
                f"{self._url}/api/websocket", heartbeat=30, max_msg_size=_MAX_BYTES
            )
            await socket.receive_json()
            await socket.send_json({"type": "auth", "access_token": self._token})
            if (await socket.receive_json()).get("type") != "auth_ok":
                raise ConfigError("Home Assistant does not take this token", remedy="make another one")
            self._number = 0
            self._own = await self._own_id(socket)
        self._socket, self._conversation = socket, None
        return socket

    async def check(self) -> None:
        """Find out whether it lets us in, and has the pipeline; raises as `ask` does."""
        try:
            socket = await self._connected()
            if self._pipeline is not None:
                await asyncio.wait_for(self._id_of(socket, self._pipeline), self._timeout_s)
        except _ODD as error:
            raise HomeTrouble(f"Home Assistant does not answer at {self._url} ({why(error)})") from None
        finally:
            await self.close()

    async def close(self) -> None:
        """Let go of it."""
        await self._hang_up()
        if self._http is not None:
            await self._http.close()
        self._http = None

    async def _hang_up(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            with contextlib.suppress(aiohttp.ClientError, OSError):
                await socket.close()


def _succeeded(told: dict[str, Any]) -> None:
    if not told.get("success"):
        raise HomeTrouble(f"Home Assistant refuses: {(told.get('error') or {}).get('message', told)}")


class Asking(FrameProcessor):
    """Stands where a pipeline has its language model, and asks Assist."""

    def __init__(self, assist: Assist) -> None:
        super().__init__(name="Assist")
        self._assist = assist

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Answer a context frame; pass all else."""
        await super().process_frame(frame, direction)
        if isinstance(frame, EndFrame | CancelFrame):
            await self._assist.close()
        if isinstance(frame, LLMContextFrame) and direction is FrameDirection.DOWNSTREAM:
            trim(frame.context)
            heard = last_user_text(frame.context)
            if heard and UNCLEAR not in heard:
                await self._say(await self._asked(heard))
            return
        await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        """Let go of what is still held."""
        await super().cleanup()  # type: ignore[no-untyped-call] # Pipecat leaves it untyped
        await self._assist.close()

    async def _asked(self, heard: str) -> str:
        try:
            return await self._assist.ask(heard) or _NOTHING
        except (HomeTrouble, ConfigError) as error:
            logger.warning("{}", error.message)
            return NO_HOME

    async def _say(self, text: str) -> None:
        await self.push_frame(LLMFullResponseStartFrame())
        await self.push_frame(LLMTextFrame(text))
        await self.push_frame(LLMFullResponseEndFrame())
