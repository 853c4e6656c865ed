"""Wi-Fi set up over Improv, on the line that the console is on."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from tests.support.device import running
from tests.support.middle import scripted
from tests.support.waiting import PATIENCE

HEADER = b"IMPROV\x01"
STATE, RPC, RESULT = 1, 3, 4
SET_WIFI, GET_STATE, GET_INFO, GET_NETWORKS = 1, 2, 3, 4
PROVISIONING, PROVISIONED = 3, 4


def frame(command: int, data: bytes = b"") -> bytes:
    body = bytes([command, len(data)]) + data
    packet = HEADER + bytes([RPC, len(body)]) + body
    return packet + bytes([sum(packet) & 0xFF]) + b"\n"


async def answer(reader: asyncio.StreamReader, kind: int) -> bytes:
    """The data of the next frame of this kind."""
    while True:
        await asyncio.wait_for(reader.readuntil(HEADER), PATIENCE)
        found, length = await reader.readexactly(2)
        data = await reader.readexactly(length)
        checksum, end = await reader.readexactly(2)
        assert checksum == sum(HEADER + bytes([found, length]) + data) & 0xFF
        assert end == ord("\n")
        if found == kind:
            return data


def texts(data: bytes) -> list[str]:
    """What a result says."""
    assert len(data) == data[1] + 2
    found, at = [], 2
    while at < len(data):
        found.append(data[at + 1 : at + 1 + data[at]].decode())
        at += data[at] + 1
    return found


async def sent_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> list[str]:
    """Where a board that is set up sends its browser, once it knows its gateway."""
    async with asyncio.timeout(PATIENCE):
        while True:
            writer.write(frame(GET_STATE))
            assert await answer(reader, STATE) == bytes([PROVISIONED])
            if found := texts(await answer(reader, RESULT)):
                return found
            await asyncio.sleep(0.1)


async def test_a_browser_sets_it_up_and_is_sent_on_to_the_gateway(tmp_path: Path) -> None:
    async with scripted(None) as script, running(tmp_path, "--id", "a" * 12, url=script.url) as own:
        port = int((tmp_path / "device.out").read_text().split("\n")[0].rsplit(":", 1)[1])
        own.writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(frame(GET_INFO))
        info = texts(await answer(reader, RESULT))
        assert (info[0], info[2], info[3], info[4]) == ("voicegw", "Linux", "a" * 12, "host")
        writer.write(b"half a line")
        assert await sent_on(reader, writer) == [script.url + "/"]
        writer.write(frame(GET_NETWORKS))
        assert texts(await answer(reader, RESULT)) == []
        writer.write(frame(SET_WIFI, b"\x04home\x0ano secrets"))
        assert await answer(reader, STATE) == bytes([PROVISIONING])
        assert await answer(reader, STATE) == bytes([PROVISIONED])
        assert texts(await answer(reader, RESULT)) == [script.url + "/"]
        writer.write(b"settings get ssid\n")
        line = await asyncio.wait_for(reader.readuntil(b'@ok {"ssid":"home"}\n'), PATIENCE)
        assert b"secrets" not in line
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
