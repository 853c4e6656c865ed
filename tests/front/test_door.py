"""The way in: one port for TLS and plain HTTP, and what nobody can do there for long."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.front import door
from gateway.front.door import group_of
from gateway.front.listening import Listener
from gateway.front.parts import Gateway
from gateway.front.server import serve
from gateway.settings import Settings
from tests.support.releases import put_release
from tests.support.waiting import until

ASK = b"GET /api/identity HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = ASK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[Gateway, Listener]]:
    settings = Settings(
        host="127.0.0.1",
        port=0,
        in_process=True,
        bot="echo",
        announce=False,
        data_dir=tmp_path,
        releases=tmp_path / "releases",
    )
    listening: asyncio.Future[tuple[Gateway, Listener]] = asyncio.get_running_loop().create_future()
    server = asyncio.create_task(serve(settings, lambda *found: listening.set_result(found)))
    yield await listening
    server.cancel()
    await asyncio.gather(server, return_exceptions=True)


@pytest.fixture
def port(served: tuple[Gateway, Listener]) -> int:
    return served[1].port


def trusting(pem: str | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=pem)
    context.check_hostname = False
    if pem is None:
        context.verify_mode = ssl.CERT_NONE
    return context


async def ask(port: int, secure: ssl.SSLContext | None = None) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=secure)
    writer.write(LAST)
    answer = await reader.read()
    writer.close()
    return answer


async def test_one_port_speaks_both(served: tuple[Gateway, Listener], port: int) -> None:
    own = served[0].certificates.identity
    answers = [await ask(port), await ask(port, trusting(own.pem))]
    for answer in answers:
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["pin"] == own.pin


async def test_a_first_byte_of_another_protocol_is_http_that_is_refused(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"\x15\x03\x01\r\n\r\n")
    assert b" 400 " in await reader.readline()
    writer.close()


async def test_what_is_no_handshake_after_all_leaves_nothing_behind(port: int) -> None:
    for begun in (b"\x16", b"\x16\x03\x01\x00\x05hello" * 9):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begun)
        writer.write_eof()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()
    assert b" 200 " in await ask(port, trusting())


async def test_a_chip_that_asks_for_small_records_gets_them(port: int) -> None:
    """RFC 6066, section 4: mbedTLS on a chip has room for 4 KB of a record and no more."""
    done = await asyncio.to_thread(
        subprocess.run,
        [
            "openssl",
            "s_client",
            "-connect",
            f"127.0.0.1:{port}",
            "-tls1_2",
            "-maxfraglen",
            "4096",
            "-msg",
            "-ign_eof",
        ],
        input=b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert b"HTTP/1.1 200 OK" in done.stdout
    assert b'"/api/offer"' in done.stdout
    heads = re.findall(rb"<<< TLS 1\.2, RecordHeader.*\n +17 03 03 (..) (..)", done.stdout)
    sizes = [int(high + low, 16) for high, low in heads]
    assert 4_000 < max(sizes) <= 4_096 + 24  # explicit nonce and tag of AES-GCM (RFC 5288)


@pytest.mark.parametrize("begun", [b"", b"\x16", b"GET / HT"])
async def test_who_says_nothing_more_is_let_go(
    port: int, begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FIRST_SECONDS", "REQUEST_SECONDS"):
        monkeypatch.setattr(door, name, 0.05)
    monkeypatch.setattr(door, "_LOOK_SECONDS", 0.02)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(begun)
    with contextlib.suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), 20) == b""
    writer.close()


@pytest.fixture
def unswept(monkeypatch: pytest.MonkeyPatch) -> list[door._Visit]:
    """Those who come, whom the test alone looks after."""
    visits: list[door._Visit] = []

    def visit(*given: Any, **named: Any) -> door._Visit:
        visits.append(kind(*given, **named))
        return visits[-1]

    kind = door._Visit
    monkeypatch.setattr(door, "_Visit", visit)
    monkeypatch.setattr(door, "_LOOK_SECONDS", 3_600.0)
    return visits


async def test_who_gets_on_with_a_large_file_is_not_let_go(
    unswept: list[door._Visit], port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "FURTHER", 1_000)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    head = b"POST /start HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\n"

    async def send(data: bytes, total: int) -> None:
        writer.write(data)
        await until(lambda: unswept[0].guest is not None and unswept[0].guest.received >= total, f"{total}")

    await until(lambda: bool(unswept), "it is there")
    await send(head + b"x" * 2_000, 2_000)
    late = asyncio.get_running_loop().time() + door.REQUEST_SECONDS + 1
    assert not unswept[0].is_overdue(late)
    await send(b"x" * 500, 2_500)
    assert unswept[0].is_overdue(late + door.REQUEST_SECONDS + 1)
    writer.close()


async def test_who_reads_nothing_is_let_go(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "STALLED_SECONDS", 0.1)
    monkeypatch.setattr(door, "_LOOK_SECONDS", 0.02)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, ("127.0.0.1", port))
    with sock, contextlib.suppress(ConnectionError):
        async with asyncio.timeout(30):
            while True:  # asks on and on, and reads nothing: it ends by the other side's hand, or never
                await loop.sock_sendall(sock, ASK.replace(b"/api/identity", b"/openapi.json") * 64)


def take_late(port: int, asked: bytes, seconds: float) -> bytes:
    """As a chip whose flash is slow: takes nothing for a while, then all."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1_440)  # or the system keeps all of it
    sock.connect(("127.0.0.1", port))
    with trusting().wrap_socket(sock) as secure:
        secure.sendall(asked)
        time.sleep(seconds)
        with contextlib.suppress(OSError):
            return b"".join(iter(lambda: secure.recv(65_536), b""))
    return b""


def be_told_and_stay(port: int) -> None:
    """Be answered, and never end the connection; returns when the other side has ended it for good."""
    with trusting().wrap_socket(socket.create_connection(("127.0.0.1", port))) as secure:
        secure.sendall(LAST)
        with socket.socket(fileno=os.dup(secure.fileno())) as below, contextlib.suppress(ConnectionError):
            below.settimeout(30)
            while below.recv(65_536):
                pass


async def test_who_takes_its_last_answer_late_gets_it_whole(
    tmp_path: Path, served: tuple[Gateway, Listener]
) -> None:
    """A chip takes an update no faster than it writes it; uvicorn ends the connection as soon as it has answered."""
    app = bytes(400_000)  # what TLS keeps for the other end, so that it is answered at once
    (tmp_path / "releases").mkdir()
    put_release(tmp_path / "releases", "xmini-c3", "0.2.0", app=app)
    path = "/api/firmware/xmini-c3/0.2.0/voicegw.bin"
    path += f"?ticket={served[0].challenges.ticket(path)}"
    request = LAST.replace(b"/api/identity", path.encode())
    answer = await asyncio.to_thread(take_late, served[1].port, request, 7.0)
    assert len(answer.partition(b"\r\n\r\n")[2]) == len(app)


async def test_who_never_ends_a_connection_that_is_over_is_let_go(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "REQUEST_SECONDS", 0.1)
    monkeypatch.setattr(door, "_LOOK_SECONDS", 0.02)
    await asyncio.to_thread(be_told_and_stay, port)


async def test_one_address_does_not_keep_others_out(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "MOST_OF_ONE", 4)
    monkeypatch.setattr(door.Door, "_is_here", staticmethod(lambda _: False))
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(12)]

    def gone() -> int:
        return sum(reader.at_eof() or reader.exception() is not None for reader, _ in opened)

    await until(lambda: gone() >= 8, "the first of them are let go")
    assert b" 200 " in await ask(port)
    for _, writer in opened:
        writer.close()


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("192.168.1.5", "192.168.1.5"),
        ("::ffff:192.168.1.5", "192.168.1.5"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_an_ipv6_network_counts_as_one(address: str, group: str) -> None:
    assert group_of(address) == group


async def test_a_handshake_that_stands_still_does_not_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "FIRST_SECONDS", 3_600.0)
    settings = Settings(
        host="127.0.0.1", port=0, in_process=True, bot="echo", announce=False, data_dir=tmp_path
    )
    listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    server = asyncio.create_task(serve(settings, lambda _, at: listening.set_result(at.port)))
    reader, writer = await asyncio.open_connection("127.0.0.1", await listening)
    writer.write(b"\x16\x03\x01\x02\x00")  # the rest of it never comes
    assert b" 200 " in await ask(listening.result(), trusting())
    signal.raise_signal(signal.SIGTERM)
    await server
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()
