"""Tools of MCP servers, through Pipecat's client: those that the settings allow, and no others."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from importlib import metadata
from importlib.util import find_spec
from typing import Any

from loguru import logger
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema

from gateway.environment import secret
from gateway.errors import ConfigError
from gateway.sections import McpServer
from gateway.speech.tooling import why
from ground import installing


def check(servers: Sequence[McpServer], environment: Mapping[str, str]) -> None:
    """Find out whether these servers can be asked at all.

    Raises:
        ConfigError: the client is not installed, a program is not there, or a variable is not set.
    """
    if servers and find_spec("mcp") is None:
        line = installing.line(f"pipecat-ai[mcp]=={metadata.version('pipecat-ai')}")
        raise ConfigError("the client for [[mcp]] is not installed", remedy=line)
    for server in servers:
        if server.command and shutil.which(server.command[0]) is None:
            raise ConfigError(
                f"mcp {server.name!r}: there is no program {server.command[0]!r}",
                remedy="install it, or give its whole path",
            )
        for variable in [*server.env, *([server.token_env] if server.token_env else [])]:
            if not environment.get(variable):
                raise ConfigError(
                    f"mcp {server.name!r} needs {variable}", remedy=f"set the environment variable {variable}"
                )
        secret(environment, server.token_env or "")


async def look(servers: Sequence[McpServer], environment: Mapping[str, str]) -> None:
    """Ask each server for its tools once, and name in the log what can't work; calls try it again."""

    async def one(server: McpServer) -> None:
        source = McpSource(server, environment)
        try:
            await asyncio.wait_for(source.start(), server.timeout_s)
            logger.info(
                "{} offers {}", source.name, ", ".join(t.name for t in (await source.schema()).standard_tools)
            )
        except TimeoutError:
            logger.warning("{} can't be used now: no answer within {:g} s", source.name, server.timeout_s)
        except Exception as error:  # noqa: BLE001 -- whatever a server of anyone's does
            logger.warning("{} can't be used now: {}", source.name, why(error))
        finally:
            await source.close()

    await asyncio.gather(*map(one, servers))


class McpSource:
    """The allowed tools of one server. A server that ends is started again by the next call.

    Args:
        server: as the settings have it.
        environment: where its keys are.
    """

    def __init__(self, server: McpServer, environment: Mapping[str, str]) -> None:
        self.name = f"mcp {server.name!r}"
        self.timeout_s = server.timeout_s
        self.max_result = server.max_result
        self._server = server
        self._environment = environment
        self._client: Any = None
        self._schema: ToolsSchema | None = None

    async def start(self) -> None:
        """Connect, and ask for its tools; raises whatever the client does."""
        from pipecat.services.mcp_service import MCPClient  # noqa: PLC0415 -- an extra

        if self._client is None:
            allowed = None if "*" in self._server.tools else list(self._server.tools)
            self._client = MCPClient(self._parameters(), tools_filter=allowed)
        self._schema = await self._client.tools()
        known = {tool.name for tool in self._schema.standard_tools}
        missing = sorted(set(self._server.tools) - known - {"*"})
        if missing:
            raise ConfigError(
                f"it has no tool {', '.join(missing)}; it has {', '.join(sorted(known)) or 'none'}"
            )

    async def schema(self) -> ToolsSchema:
        """Its tools, connecting where it is not connected yet."""
        if self._schema is None:
            await self.start()
        assert self._schema is not None
        return self._schema

    async def close(self) -> None:
        """Let it go."""
        if self._client is not None:
            await self._client.close()
            self._client = self._schema = None

    def _parameters(self) -> Any:
        from mcp import StdioServerParameters  # noqa: PLC0415 -- an extra
        from mcp.client.session_group import StreamableHttpParameters  # noqa: PLC0415

        server = self._server
        if server.command:
            own = {name: self._environment[name] for name in server.env}
            return StdioServerParameters(
                command=server.command[0], args=list(server.command[1:]), env=own or None
            )
        token = secret(self._environment, server.token_env or "")
        headers = {"Authorization": f"Bearer {token}"} if token else None
        return StreamableHttpParameters(url=str(server.url), headers=headers)
