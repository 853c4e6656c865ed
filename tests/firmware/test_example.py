"""The component's example against the gateway as a user runs it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from tests.firmware.interop import PROGRAM
from tests.support.gateway import serving

EXAMPLE = PROGRAM.parent / "examples" / "echo"


async def test_the_example_hears_its_echo(tmp_path: Path) -> None:
    async with serving(tmp_path, {"bot": "echo"}) as gateway:
        process = await asyncio.create_subprocess_exec(
            EXAMPLE, "127.0.0.1", str(urlsplit(gateway.url).port), stdout=asyncio.subprocess.PIPE
        )
        output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, output) == (0, b"heard the echo\n")
