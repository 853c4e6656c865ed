"""Whom a caller may have the gateway send to: nobody but itself, and the LANs that the gateway is on."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.front.neighbours import MOST, MOST_NAMES, Interfaces, Kept, Neighbours, interfaces
from tests.support.offers import captured

OURS = [ipaddress.ip_interface(text) for text in ("127.0.0.1/8", "::1/128", "192.168.1.2/24", "fd00::2/64")]
CALLER = "192.168.1.5"


@pytest.fixture
def neighbours() -> Neighbours:
    own = Interfaces(frozenset(i.ip for i in OURS), frozenset(i.network for i in OURS))
    return Neighbours(lambda: own)


def candidate(address: str, port: int = 9, transport: str = "udp") -> str:
    return f"candidate:1 1 {transport} 2130706431 {address} {port} typ host"


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        (CALLER, CALLER),
        ("192.168.1.77", CALLER),
        ("10.8.0.3", "10.8.0.3"),
        ("fd00::77", CALLER),
        ("::ffff:192.168.1.5", CALLER),
        ("0f7c1f4e-0d7e-4a1a-9c9e-000000000001.local", CALLER),
        ("127.0.0.1", "127.0.0.1"),
        ("192.168.1.2", "127.0.0.1"),
        ("127.0.0.1", "192.168.1.2"),
    ],
)
def test_a_caller_reaches_itself_and_our_lans(neighbours: Neighbours, address: str, caller: str) -> None:
    assert Kept(neighbours, caller).takes(candidate(address))


def test_a_caller_is_reached_by_our_relays_and_by_no_other(neighbours: Neighbours) -> None:
    neighbours.relays = frozenset({ipaddress.ip_address("8.8.8.8")})
    for address, kind, taken in (
        ("8.8.8.8", "relay", True),
        ("8.8.8.8", "host", False),
        ("8.8.4.4", "relay", False),
    ):
        assert Kept(neighbours, CALLER).takes(candidate(address).replace("host", kind)) is taken


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "10.8.0.3", "192.168.2.5", "2001:db8::1", "::ffff:8.8.8.8"),
        *("224.0.0.251", "239.255.255.250", "ff02::fb", "255.255.255.255", "192.168.1.255", "192.168.1.0"),
        *("0.0.0.0", "::", "127.0.0.1", "::1", "::ffff:127.0.0.1", "192.168.1.2", "victim.example", "", "x"),
    ],
)
def test_it_reaches_nobody_else_through_us(neighbours: Neighbours, address: str) -> None:
    assert not Kept(neighbours, CALLER).takes(candidate(address))


def test_of_tcp_nothing_is_kept(neighbours: Neighbours) -> None:
    assert not Kept(neighbours, CALLER).takes(candidate(CALLER, transport="tcp"))


def test_there_are_so_many_and_no_more_however_they_come(neighbours: Neighbours) -> None:
    kept = Kept(neighbours, CALLER)
    text = "v=0\r\n" + "".join(f"a={candidate(CALLER, port)}\r\n" for port in range(1, 1_000))
    assert kept.only(text).count("a=candidate:") == MOST
    assert not kept.takes(candidate("192.168.1.77"))
    assert kept.takes(candidate(CALLER, 1))  # of another section, say


def test_names_are_few(neighbours: Neighbours) -> None:
    kept = Kept(neighbours, CALLER)
    assert sum(kept.takes(candidate(f"{n}.local")) for n in range(50)) == MOST_NAMES


def test_all_else_of_an_offer_stays(neighbours: Neighbours) -> None:
    text = captured("chromium")
    kept = [
        x for x in Kept(neighbours, "8.8.8.8").only(text).splitlines() if not x.startswith("a=candidate:")
    ]
    assert kept == [x for x in text.splitlines() if not x.startswith("a=candidate:")]


@given(st.text())
def test_nothing_breaks_it(value: str) -> None:
    Kept(Neighbours(lambda: Interfaces(frozenset(), frozenset())), CALLER).takes(value)


def test_this_machine_is_on_loopback() -> None:
    assert ipaddress.ip_address("127.0.0.1") in interfaces().addresses
