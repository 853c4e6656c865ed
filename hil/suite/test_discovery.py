"""Discovery."""

from __future__ import annotations

import secrets

import pytest

from hil.board import Board
from hil.lan import announced, strangers
from hil.network import Link
from hil.station import Station

pytestmark = pytest.mark.mdns
_NOBODY = 9  # the discard port, where no gateway listens
_OURS, _OTHER = secrets.token_hex(4), secrets.token_hex(4)  # no other run on this LAN has them


@pytest.fixture(autouse=True)
def _alone(station: Station) -> None:
    if others := strangers(station.backend.reached):
        pytest.skip(f"other gateways are announced on this LAN: {', '.join(others)}")


def test_it_finds_the_only_gateway(unpaired: Board, link: Link) -> None:
    unpaired.set(gateway="", gateway_id="")
    with announced(unpaired.backend.reached, {_OURS: (link.port, 0.0)}):
        unpaired.live()
    assert unpaired.ask("settings get gateway_id")["gateway_id"] == _OURS


def test_of_two_it_takes_the_less_loaded(unpaired: Board, link: Link) -> None:
    unpaired.set(gateway="", gateway_id="")
    with announced(unpaired.backend.reached, {_OTHER: (_NOBODY, 0.9), _OURS: (link.port, 0.1)}):
        unpaired.live()
    assert unpaired.ask("state")["port"] == link.port


def test_of_two_it_takes_its_own(unpaired: Board, link: Link) -> None:
    unpaired.set(gateway="", gateway_id=_OURS)
    with announced(unpaired.backend.reached, {_OTHER: (_NOBODY, 0.0), _OURS: (link.port, 0.9)}):
        unpaired.live(40)
    assert unpaired.ask("state")["port"] == link.port


def test_without_any_it_says_so_and_calls_the_first_that_comes(unpaired: Board, link: Link) -> None:
    unpaired.set(gateway="", gateway_id="")
    unpaired.failed("no_gateway")
    with announced(unpaired.backend.reached, {_OURS: (link.port, 0.0)}):
        unpaired.live(40)
