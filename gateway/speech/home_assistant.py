"""A Home Assistant, asked by sentences: its own Assist understands them, with its areas, entities and aliases."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
from loguru import logger
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.services.llm_service import FunctionCallParams

from gateway.environment import secret
from gateway.errors import ConfigError, GatewayError
from gateway.sections import HomeAssistant

_AGENT: Final = "homeassistant"
"""Its own, by rules; another agent of its user's may be a language model of its own (conversation API)."""
_NO_MATCH: Final = "no_intent_match"
_NO_TARGET: Final = "no_valid_targets"
"""A sentence that could be one of Assist's, of a thing or place that is not there: "tell me a story" is one, too."""
_PLACED: Final = re.compile(r"\b(in|inside|outside|upstairs|downstairs|everywhere|all)\b")
_SAYS_NOTHING: Final = "Done."


class HomeTrouble(GatewayError):
    """Home Assistant could not be asked."""


@dataclass(frozen=True, slots=True)
class Said:
    """What it says to a sentence; `known`: it has what the sentence names."""

    text: str
    known: bool = True


class Home:
    """What a call asks of a Home Assistant.

    Args:
        settings: where it is.
        environment: where its token is.
        area: where the device of the call stands, by Home Assistant's name.
    """

    name = "Home Assistant"
    max_result = 2_000

    def __init__(
        self, settings: HomeAssistant, environment: Mapping[str, str], area: str | None = None
    ) -> None:
        token = token_of(settings, environment)
        self.timeout_s = settings.timeout_s + 1
        self._language = settings.language
        self._area = area
        self._conversation: str | None = None
        self._http = httpx.AsyncClient(
            base_url=settings.url.rstrip("/"),
            headers={"Authorization": f"Bearer {token}"},
            timeout=settings.timeout_s,
            trust_env=False,
        )

    async def ask(self, sentence: str) -> Said | None:
        """What it says to a sentence, done or refused; `None` where it does not understand it.

        Raises:
            HomeTrouble: it does not answer, or not as it should.
        """
        if self._area and not _PLACED.search(sentence.lower()):
            said = await self._process(f"{sentence} in the {self._area}", lenient=True)
            if said is not None:
                return said
        return await self._process(sentence)

    async def _process(self, text: str, *, lenient: bool = False) -> Said | None:
        body = {"text": text, "language": self._language, "agent_id": _AGENT}
        if self._conversation is not None:
            body["conversation_id"] = self._conversation
        found = await self._post("/api/conversation/process", body)
        try:
            self._conversation = found.get("conversation_id")
            response = found["response"]
            failed = response["response_type"] == "error"
            code = response["data"].get("code") if failed else None
            if failed and (lenient or code == _NO_MATCH):
                return None
            text = str(response["speech"].get("plain", {}).get("speech") or _SAYS_NOTHING)
            return Said(text[: self.max_result], known=code != _NO_TARGET)
        except (KeyError, TypeError, AttributeError):
            raise HomeTrouble("Home Assistant answered with what is no answer") from None

    async def check(self) -> None:
        """Find out whether it lets us in.

        Raises:
            HomeTrouble: it does not answer. ConfigError: it does not take the token.
        """
        await self._send("GET", "/api/", None)

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        return await self._send("POST", path, body)

    async def _send(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        try:
            async with asyncio.timeout(
                self._http.timeout.read
            ):  # httpx has one for each piece of an answer alone
                response = await self._http.request(method, path, json=body)
        except (httpx.HTTPError, TimeoutError) as error:
            why = str(error) or type(error).__name__
            raise HomeTrouble(f"Home Assistant does not answer at {self._http.base_url} ({why})") from None
        if response.status_code == httpx.codes.UNAUTHORIZED:
            raise ConfigError("Home Assistant does not take this token", remedy="make another one")
        try:
            response.raise_for_status()
            return response.json()
        except (httpx.HTTPStatusError, ValueError):
            raise HomeTrouble(f"Home Assistant answers {response.status_code} to {path}") from None

    # -- as a tool of a language model

    async def start(self) -> None:
        """It is asked when it is needed."""

    async def schema(self) -> ToolsSchema:
        """One function: a sentence, as Assist takes them."""
        sentence = {
            "type": "string",
            "description": 'A short command or question in plain words: "turn off the kitchen light".',
        }
        about = (
            "Do something in this smart home, or ask about it: lights, switches, covers, heating, sensors."
        )
        tool = FunctionSchema("smart_home", about, {"sentence": sentence}, ["sentence"], handler=self._handle)
        return ToolsSchema(standard_tools=[tool])

    async def _handle(self, params: FunctionCallParams) -> None:
        said = await self.ask(str(params.arguments.get("sentence", ""))[:500])
        if said is None:
            said = Said("Home Assistant does not understand this sentence", known=False)
        await params.result_callback(said.text if said.known else {"error": said.text})

    async def close(self) -> None:
        """Let go of it."""
        await self._http.aclose()


def token_of(settings: HomeAssistant, environment: Mapping[str, str]) -> str:
    """Its token; raises ConfigError where there is none, or what is there can't be one."""
    token = secret(environment, settings.token_env)
    if not token:
        raise ConfigError(
            "Home Assistant needs a token",
            remedy=f"make a long-lived access token in its profile page, and set {settings.token_env} to it",
        )
    return token


async def look(settings: HomeAssistant, environment: Mapping[str, str]) -> None:
    """Name at start-up what can't work.

    Raises:
        ConfigError: there is no token, or it is not taken.
    """
    home = Home(settings, environment)
    try:
        await home.check()
        logger.info("Home Assistant answers at {}", settings.url)
    except HomeTrouble as error:
        logger.warning("{}: requests about the home fail until it does", error.message)
    finally:
        await home.close()
