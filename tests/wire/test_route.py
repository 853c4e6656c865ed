from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import NoRoute
from gateway.wire.route import local_address, unmapped
from gateway.wire.sdp import Candidate


def host(address: str) -> Candidate:
    return Candidate("udp", address, 9, "host")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("::FFFF:10.0.0.1%eth0", "10.0.0.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("FD00::1", "fd00::1"),
    ],
)
def test_an_address_is_read_as_what_it_is(text: str, address: str) -> None:
    assert str(unmapped(text)) == address


@given(st.text())
def test_unmapped_raises_nothing_but_no_route(text: str) -> None:
    with contextlib.suppress(NoRoute):
        unmapped(text)


@pytest.mark.parametrize("arrived", ["127.0.0.1", "10.0.0.1", "::ffff:10.0.0.1"])
def test_media_uses_the_address_that_the_offer_arrived_on(arrived: str) -> None:
    assert local_address(arrived, [host("127.0.0.1")]) == arrived.removeprefix("::ffff:")


def test_a_link_local_address_keeps_its_zone() -> None:
    assert local_address("fe80::1%eth0", [host("fe80::2")]) == "fe80::1%eth0"
    assert local_address("fd00::1%eth0", [host("fd00::2")]) == "fd00::1"


def test_an_offer_over_ipv6_gets_the_ipv4_that_routes_to_its_candidate() -> None:
    assert local_address("::1", [host("127.0.0.1")]) == "127.0.0.1"


@pytest.mark.parametrize("candidate", ["fd00::9", "abc.local", "0.0.0.0", "not an address", ""])
def test_an_offer_over_ipv6_without_ipv4_gets_the_address_it_came_in_on(candidate: str) -> None:
    assert local_address("fd00::1", [host(candidate)]) == "fd00::1"


def test_candidates_without_a_route_are_passed_over() -> None:
    assert local_address("::1", [host("x.local"), host("255.255.255.255"), host("127.0.0.1")]) == "127.0.0.1"


@given(st.lists(st.text().map(host)))
def test_no_candidate_can_break_it(candidates: list[Candidate]) -> None:
    assert local_address("fd00::1", candidates)


def test_a_call_through_a_proxy_on_this_machine_gets_an_address_that_leads_to_the_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = {"192.168.1.5": "192.168.1.2", "10.0.0.9": "10.0.0.2"}
    monkeypatch.setattr("gateway.wire.route._route_to", ours.get)
    assert local_address("127.0.0.1", [host("x.local"), host("10.0.0.9")]) == "10.0.0.2"
    assert local_address("::1", [host("x.local")], "192.168.1.5") == "192.168.1.2"
    assert local_address("127.0.0.1", [host("127.0.0.1")], "192.168.1.5") == "192.168.1.2"
    assert local_address("127.0.0.1", [host("10.0.0.9"), host("127.0.0.1")]) == "127.0.0.1"
