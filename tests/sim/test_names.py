"""A gateway that is known by name, and name servers that do not answer."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.device import device
from tests.support.middle import Script, http, scripted
from tests.support.waiting import until

SILENT = "127.53.53.53"
CONFIGURATION = f"nameserver {SILENT}\noptions timeout:60 attempts:5\n"


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """A name server that takes questions and answers none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        try:
            own.bind((SILENT, 53))
        except OSError as error:
            pytest.skip(f"no name server of our own here: {error}")
        own.setblocking(False)
        yield own


@pytest.fixture
def asking(tmp_path: Path) -> list[str]:
    """What to put before a command that shall ask that name server, and no other."""
    (tmp_path / "resolv.conf").write_text(CONFIGURATION)
    (tmp_path / "nsswitch.conf").write_text("hosts: files dns\n")
    mounts = [f"mount --bind {tmp_path}/{name} /etc/{name}" for name in ("resolv.conf", "nsswitch.conf")]
    mount = " && ".join([*mounts, 'exec "$@"'])
    prefix = ["unshare", "-m", "sh", "-c", mount, "sh"]
    if os.geteuid() != 0 or subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    return prefix


def was_asked(server: socket.socket) -> bool:
    try:
        return b"gateway\x07example" in server.recv(512)
    except BlockingIOError:
        return False


def answer(server: socket.socket, *addresses: str) -> None:
    """Answer one question, with these addresses for A and with none for all else."""
    try:
        question, who = server.recvfrom(512)
    except BlockingIOError:
        return
    end = question.index(b"\0", 12) + 5
    given = addresses if question[end - 3] == 1 else ()
    records = b"".join(
        b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 5, 4) + socket.inet_aton(address) for address in given
    )
    head = question[:2] + b"\x81\x80" + struct.pack("!HHHH", 1, len(given), 0, 0)
    server.sendto(head + question[12:end] + records, who)


async def test_where_the_first_address_of_a_name_is_dead_the_next_is_tried(
    tmp_path: Path, server: socket.socket, asking: list[str]
) -> None:
    async with scripted(None) as script:  # the gateway itself answers to no such name over loopback
        url = f"http://gateway.example:{script.url.rsplit(':', 1)[1]}"
        async with device(tmp_path, url=url, prefix=asking) as own:

            def is_reached() -> bool:
                answer(server, "127.0.0.77", "127.0.0.1")
                return bool(script.requests)

            await until(is_reached, "the gateway is reached at the second")
            assert own.failures() == []


async def test_where_the_first_address_of_a_name_has_no_room_the_next_is_tried(
    tmp_path: Path, server: socket.socket, asking: list[str]
) -> None:
    other = Script(None)
    async with scripted(http(503, {"code": "busy"}, "Retry-After: 60\r\n")) as full:
        port = int(full.url.rsplit(":", 1)[1])
        async with (
            await asyncio.start_server(other.serve, "127.0.0.77", port),
            device(tmp_path, url=f"http://gateway.example:{port}", prefix=asking) as own,
        ):

            def is_reached() -> bool:
                answer(server, "127.0.0.1", "127.0.0.77")
                return bool(other.requests)

            await until(is_reached, "the second is asked")
            assert len(full.requests) == 1
            assert own.failures() == []


async def test_a_name_server_that_never_answers_holds_nothing_up(
    tmp_path: Path, server: socket.socket, asking: list[str]
) -> None:
    async with device(tmp_path, url="http://gateway.example:7860", prefix=asking) as own:
        await until(lambda: was_asked(server), "the name server is asked")
        assert (await own.ask("state"))["state"] == "signalling"  # or no answer: see REPLY_SECONDS
        await own.fails("no_name")
        await own.ask("settings set gateway http://127.0.0.1:1")
        await own.fails("unreachable")
