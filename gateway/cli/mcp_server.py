"""`voicegw mcp`: the gateway as an MCP server, over its HTTP API, with what the key that it is given may do."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from gateway.cli.answers import Devices
from gateway.cli.remote import Remote
from gateway.errors import ConfigError, GatewayError
from ground import installing

_ABOUT = (
    "Voice devices in a home. Ask list_devices first. A device that is away keeps announcements and timers until it "
    "is back; everything else needs it to be there."
)


_MISSING = "the package mcp is not installed"


def serve(gateway: Remote) -> None:  # noqa: C901 -- a function each tool
    """Speak MCP over standard input and output until that ends.

    Raises:
        ConfigError: the package for it is not installed.
    """
    try:
        from mcp.server.mcpserver import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError
    except ImportError:
        raise ConfigError(_MISSING, remedy=installing.line("mcp>=2.1.1,<3")) from None

    server = MCPServer("voicegw", instructions=_ABOUT)

    async def told(answer: Awaitable[Any]) -> Any:
        try:
            return await answer
        except GatewayError as error:
            raise ToolError(f"{error.message}. {error.remedy}".strip()) from None

    async def ask(form: type[Any], device: str, method: str, what: str, body: Any = None) -> Any:
        return await told(gateway.of_device(form, method, device, what, body))

    @server.tool()
    async def list_devices() -> list[dict[str, Any]]:
        """The devices that are known, and whether each is there now."""
        found = await told(gateway.ask(Devices, "GET", "/api/devices"))
        return [_shown(d) for d in found if d.get("role") == "device" and not d.get("revoked")]

    @server.tool()
    async def device_tools(device: str) -> list[dict[str, Any]]:
        """What a device can do, each with the JSON Schema of its arguments."""
        found: list[dict[str, Any]] = await ask(list[dict[str, Any]], device, "GET", "tools")
        return found

    @server.tool()
    async def use_device_tool(device: str, tool: str, arguments: dict[str, Any]) -> Any:
        """Have a device do one of its tools; tells what came of it."""
        return {"result": await ask(object, device, "POST", f"tools/{tool}", {"arguments": arguments})}

    @server.tool()
    async def say(device: str, text: str, volume: int | None = None) -> dict[str, Any]:
        """Have a device say something now, or when it is back. `volume`, 1 to 100, is heard though it is muted."""
        said = {"text": text, "volume": volume}
        found: dict[str, Any] = await ask(dict[str, Any], device, "POST", "say", said)
        return found

    @server.tool()
    async def promises(device: str) -> list[dict[str, Any]]:
        """A device's timers, alarms, reminders and announcements, the next first."""
        found: list[dict[str, Any]] = await ask(list[dict[str, Any]], device, "GET", "promises")
        return found

    @server.tool()
    async def history(device: str) -> dict[str, Any]:
        """What people asked a device and what it answered, where that is kept, the oldest first."""
        found: dict[str, Any] = await ask(dict[str, Any], device, "GET", "history")
        return found

    server.run(transport="stdio")


def _shown(device: dict[str, Any]) -> dict[str, Any]:
    return {key: device.get(key) for key in ("name", "online", "board", "last_seen")}
