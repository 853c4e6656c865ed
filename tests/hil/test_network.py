"""Proxy and relay over loopback, with both ends played by the test."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from hil.network import Link
from hil.path.link import Impairments
from hil.path.sdp import first_candidate
from hil.path.trace import Trace, read
from tests.support.waiting import PATIENCE, until


def line(port: int) -> str:
    return f"v=0\r\na=candidate:1 1 udp 1 127.0.0.1 {port} typ host\r\n"


class Answering(http.server.BaseHTTPRequestHandler):
    """A gateway that answers with its own socket, and tells what it was asked."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append((body, {k.lower(): v for k, v in self.headers.items()}))  # type: ignore[attr-defined]
        self._reply({"sdp": line(self.server.media), "type": "answer", "pc_id": "x"})  # type: ignore[attr-defined]

    def do_GET(self) -> None:
        self._reply({"path": self.path})

    def _reply(self, value: Any) -> None:
        text = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def udp() -> socket.socket:
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end.bind(("127.0.0.1", 0))
    end.settimeout(PATIENCE)
    return end


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    with udp() as board, udp() as gateway:
        yield board, gateway


@pytest.fixture
def server(ends: tuple[socket.socket, socket.socket]) -> Iterator[Any]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as running:
        running.media, running.asked = ends[1].getsockname()[1], []  # type: ignore[attr-defined]
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def link(server: Any) -> Iterator[Link]:
    with Link(f"http://127.0.0.1:{server.server_port}") as running:
        yield running


def call(link: Link, board: socket.socket) -> int:
    """Make an offer; gives the port that the board is told to send to."""
    offer = {"sdp": line(board.getsockname()[1]), "type": "offer", "request_data": {"device": {"id": "b0"}}}
    answer = httpx.post(
        f"{link.url}/api/offer", json=offer, headers={"Authorization": "Bearer k"}, trust_env=False
    )
    return first_candidate(answer.raise_for_status().json()["sdp"]).port


def test_both_ends_are_led_through_the_relay(link: Link, server: Any, ends: Any) -> None:
    board, gateway = ends
    port = call(link, board)
    [(asked, headers)] = server.asked
    assert headers["authorization"] == "Bearer k"
    board.sendto(b"\x80\x6f up", ("127.0.0.1", port))
    data, back = gateway.recvfrom(100)
    assert data == b"\x80\x6f up"
    assert back[1] == first_candidate(asked["sdp"]).port
    gateway.sendto(b"\x80\x6f down", back)
    assert board.recvfrom(100) == (b"\x80\x6f down", ("127.0.0.1", port))
    assert [(p.way, p.fate) for p in link.trace] == [("up", "passed"), ("down", "passed")]
    assert link.calls[0].device == {"id": "b0"}
    assert link.calls[0].status == 200


def test_a_board_behind_a_translator_is_answered_where_its_checks_come_from(link: Link, ends: Any) -> None:
    board, gateway = ends
    port = call(link, board)
    with udp() as translated:
        translated.sendto(b"\0\1 check", ("127.0.0.1", port))
        _, back = gateway.recvfrom(100)
        gateway.sendto(b"\x80\x6f", back)
        assert translated.recvfrom(100)[0] == b"\x80\x6f"


async def test_an_impaired_path_loses(link: Link, ends: Any) -> None:
    board, gateway = ends
    port = call(link, board)
    link.impair(up=Impairments(loss=1.0))
    board.sendto(b"\x80\x6f lost", ("127.0.0.1", port))
    await until(lambda: [p.fate for p in link.trace] == ["lost"], "it is lost")
    link.clear()
    board.sendto(b"\x80\x6f through", ("127.0.0.1", port))
    assert gateway.recvfrom(100)[0] == b"\x80\x6f through"


def test_everything_else_passes_as_it_is(link: Link) -> None:
    assert httpx.get(f"{link.url}/api/firmware/x?y=1", trust_env=False).json() == {
        "path": "/api/firmware/x?y=1"
    }


def test_a_gateway_that_is_gone_resets_the_connection(link: Link, server: Any) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{link.url}/status", trust_env=False)


def test_a_link_that_refuses_is_a_full_gateway(link: Link) -> None:
    link.refuse()
    answer = httpx.post(f"{link.url}/api/offer", json={}, trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")


def test_a_trace_can_be_kept(link: Link, ends: Any, tmp_path: Any) -> None:
    board, gateway = ends
    port = call(link, board)
    board.sendto(bytes([0x80, 111, 0, 9]) + (960).to_bytes(4) + (77).to_bytes(4), ("127.0.0.1", port))
    gateway.recvfrom(100)
    link.trace.write(tmp_path / "trace.jsonl")
    again: Trace = read(tmp_path / "trace.jsonl")
    [packet] = again.media("up")
    assert (packet.seq, packet.timestamp, packet.ssrc, packet.size) == (9, 960, 77, 12)
