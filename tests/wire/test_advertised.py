from __future__ import annotations

from gateway.wire import sdp
from gateway.wire.advertised import for_browser, for_device

ANSWER = (
    "v=0\r\nm=audio 5000 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 172.17.0.2\r\n"
    "a=candidate:1 1 udp 2130706431 172.17.0.2 5000 typ host\r\n"
    "a=candidate:2 1 udp 2130706431 127.0.0.1 5001 typ host\r\n"
    "a=candidate:3 1 udp 1694498815 198.51.100.1 5002 typ srflx raddr 172.17.0.2 rport 5000\r\n"
)
OUTSIDE = ("2001:db8::7", "203.0.113.7")


def test_a_browser_gets_them_beside_the_others() -> None:
    [section] = sdp.parse(for_browser(ANSWER, OUTSIDE)).sections
    found = [sdp.parse_candidate(value) for value in section.values("candidate")]
    shown = [(c.address, c.port, c.type) for c in found if c is not None]
    assert shown == [
        ("172.17.0.2", 5000, "host"),
        ("203.0.113.7", 5000, "srflx"),
        ("127.0.0.1", 5001, "host"),
        ("198.51.100.1", 5002, "srflx"),
    ]


def test_a_device_gets_them_in_the_place_of_its_candidates() -> None:
    answer = "".join(ANSWER.splitlines(keepends=True)[:4])
    assert for_device(answer, OUTSIDE) == answer.replace("172.17.0.2", "203.0.113.7")


def test_without_any_nothing_changes() -> None:
    assert for_browser(ANSWER, ()) == for_device(ANSWER, ()) == ANSWER
    assert for_device(ANSWER, ("2001:db8::7",)) == ANSWER
