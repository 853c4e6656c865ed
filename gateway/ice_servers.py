"""STUN and TURN servers (RFC 7064, RFC 7065): as people and Pipecat write them, and as clients are told of them."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

PUBLIC: Final = {"urls": ["stun:stun.l.google.com:19302"]}
"""What Pipecat's runner tells clients that ask for defaults (`enableDefaultIceServers`) where it has none."""
_LAST_PORT: Final = 65_535
_URL: Final = re.compile(
    r"(stuns?|turns?):(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?(\?transport=(udp|tcp))?"
)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _url(text: str) -> str:
    found = _URL.fullmatch(text)
    if found is None or not 0 < int((found[3] or ":1")[1:]) <= _LAST_PORT:
        raise ValueError(
            "that is no URL of a server: write stun:HOST:PORT or turn:HOST:PORT?transport=udp; "
            "a name and password are `username` and `credential`"
        )
    return text


class IceServer(BaseModel):
    """One server, by the names that browsers have for it (RTCIceServer)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    urls: Annotated[tuple[Annotated[str, AfterValidator(_url)], ...], BeforeValidator(_listed)]
    username: str | None = None
    credential: str | None = None

    def told(self) -> dict[str, Any]:
        """As a client takes it."""
        return self.model_dump(mode="json", exclude_none=True)

    @property
    def relays(self) -> set[str]:
        """The hosts of it that relay."""
        found = [_URL.fullmatch(url) for url in self.urls if url.startswith("turn")]
        return {match[2].strip("[]") for match in found if match is not None}


_SERVERS: Final = TypeAdapter(tuple[IceServer, ...])


def of_pipecat(text: str) -> tuple[IceServer, ...]:
    """Those of PIPECAT_ICE_SERVERS: URLs with commas between, an object of JSON, or an array of either.

    Raises:
        ValueError: one of them is none.
    """
    text = text.strip()
    try:
        given = json.loads(text) if text.startswith(("[", "{")) else text.split(",")
        each = given if isinstance(given, list) else [given]
        found = [{"urls": x.strip()} if isinstance(x, str) else x for x in each if x]
        return _SERVERS.validate_python(found)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]["msg"].removeprefix("Value error, ")
        raise ValueError(f"PIPECAT_ICE_SERVERS: {first}") from None
    except ValueError as error:
        raise ValueError(f"PIPECAT_ICE_SERVERS is no JSON: {error}") from None
