"""The gateway as an MCP server, asked by the protocol's own client."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import ROOT, environment, serving, voicegw

mcp = pytest.importorskip("mcp", reason="the extra pipecat-ai[mcp] is not installed")


async def test_an_agent_sees_devices_and_has_one_speak(tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway:
        config = str(tmp_path / "voicegw.toml")
        assert voicegw("devices", "--config", config, "add", "kitchen").returncode == 0
        server = mcp.StdioServerParameters(
            command=sys.executable,
            args=["-m", "gateway", "mcp", "--url", gateway.url],
            env=environment(),
            cwd=str(ROOT),
        )
        async with mcp.client.stdio.stdio_client(server) as streams, mcp.ClientSession(*streams) as session:
            await session.initialize()
            names = {tool.name for tool in (await session.list_tools()).tools}
            assert names == {"list_devices", "device_tools", "use_device_tool", "say", "promises", "history"}
            assert "kitchen" in text(await session.call_tool("list_devices", {}))
            assert "set_timer" in text(await session.call_tool("device_tools", {"device": "kitchen"}))
            await session.call_tool("say", {"device": "kitchen", "text": "Dinner!"})
            timer = {"device": "kitchen", "tool": "set_timer", "arguments": {"seconds": 60}}
            await session.call_tool("use_device_tool", timer)
            kept = text(await session.call_tool("promises", {"device": "kitchen"}))
            assert "Dinner!" in kept
            assert "Your timer is done." in kept
            refused = await session.call_tool("say", {"device": "attic", "text": "Hello."})
            assert "there is no device attic" in text(refused)


def text(result: Any) -> str:
    return " ".join(getattr(content, "text", "") for content in result.content) or json.dumps(
        result.structured_content
    )
