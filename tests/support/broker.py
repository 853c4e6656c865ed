"""Debian's mosquitto on loopback, with a name and a password."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.waiting import until

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
NAME, PASSWORD = "voicegw", "no secret"


@dataclass(frozen=True, slots=True)
class Broker:
    """One that runs."""

    port: int


@contextlib.asynccontextmanager
async def broker(folder: Path) -> AsyncIterator[Broker]:
    """Run one for the length of the block."""
    assert MOSQUITTO is not None
    passwords = folder / "passwords"
    passwords.touch()
    tool = Path(MOSQUITTO).with_name("mosquitto_passwd")
    made = await asyncio.create_subprocess_exec(
        str(tool) if tool.exists() else "mosquitto_passwd", "-b", str(passwords), NAME, PASSWORD
    )
    assert await made.wait() == 0
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\nuser root\n"
    )
    with (folder / "mosquitto.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(MOSQUITTO, "-c", str(config), stdout=log, stderr=log)
    try:
        await until(lambda: _answers(port) or process.returncode is not None, "the broker listens")
        assert process.returncode is None, (folder / "mosquitto.log").read_text()
        yield Broker(port)
    finally:
        process.terminate()
        await process.wait()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
