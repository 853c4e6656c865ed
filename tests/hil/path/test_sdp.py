from __future__ import annotations

from pathlib import Path

import pytest

from hil.path.sdp import Candidate, NoCandidate, first_candidate, through

DATA = Path(__file__).parents[2] / "data" / "sdp"
HERE = Candidate("192.0.2.7", 5004)


@pytest.mark.parametrize("name", ["aiortc.sdp", "chromium.sdp", "esp_peer.sdp", "libpeer.sdp"])
def test_a_description_is_led_through_the_relay_and_otherwise_kept(name: str) -> None:
    text = (DATA / name).read_bytes().decode()
    if "a=candidate" not in text:
        text += "a=candidate:1 1 UDP 2122317823 10.0.0.9 4000 typ host\r\n"
    led = through(text, HERE)
    assert first_candidate(led) == HERE
    assert led.count("a=candidate") == 1

    def rest(sdp: str) -> list[str]:
        return [line for line in sdp.split("\n") if "a=candidate" not in line]

    assert rest(led) == rest(text)


def test_other_components_tcp_and_ipv6_are_no_way() -> None:
    sdp = (
        "a=candidate:1 1 tcp 1 10.0.0.1 9 typ host tcptype active\r\n"
        "a=candidate:2 1 udp 1 fe80::1 5000 typ host\r\n"
        "a=candidate:3 2 udp 1 10.0.0.1 5001 typ host\r\n"
    )
    with pytest.raises(NoCandidate):
        first_candidate(sdp)
    assert through(sdp, HERE) == ""
