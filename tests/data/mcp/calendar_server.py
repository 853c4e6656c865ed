"""An MCP server as anyone would write one: a calendar in memory, and tools that fail in each way there is."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("calendar")
events: list[str] = []


@server.tool()
def add_event(title: str) -> str:
    """Put an entry into the calendar, or onto a list."""
    events.append(title)
    if (kept := os.environ.get("CALENDAR_FILE")) is not None:
        with Path(kept).open("a") as file:
            file.write(f"{title}\n")
    return f"added, {len(events)} in all"


@server.tool()
def get_weather(place: str) -> str:
    """The weather of a place."""
    raise ToolError(f"the weather station at {place} does not answer")


@server.tool()
async def read_news() -> str:
    """The news, which take their time."""
    await asyncio.sleep(600)
    return "none"


@server.tool()
def read_book() -> str:
    """All of it."""
    return "word " * 50_000


@server.tool()
def leave() -> str:
    """End this server."""
    os._exit(3)


@server.tool()
def show_key() -> str:
    """What it was given."""
    return f"{os.environ.get('CALENDAR_KEY')}, {os.environ.get('OTHER_KEY')}"


@server.tool(name="calendar.find/all", description="Finds what is planned. " * 200)
def find_all(words: str) -> str:
    return f"nothing with {words}"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run(transport="streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run()
