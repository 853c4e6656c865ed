from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from loguru import logger

from gateway.errors import ConfigError, Forbidden, GatewayError, RateLimited, TlsRequired, Unauthorized
from gateway.front.access import (
    Asked,
    Caller,
    Proxies,
    RateLimit,
    check_host,
    check_origin,
    check_plain,
    identify,
    names_of,
)
from gateway.front.operators import PAGE_SECONDS, Operators, own_secret
from gateway.front.registry import Registry, Role, open_registry
from gateway.settings import Settings

LOOPBACK = ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1"]
LAN = ["192.168.1.5", "10.0.0.1", "fd00::5", "fe80::1%eth0", "::ffff:192.168.1.5", "8.8.8.8"]


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    async with open_registry(tmp_path) as opened:
        yield opened


@pytest.fixture
def operators() -> Operators:
    return Operators("vgo_secret")


async def ask(
    registry: Registry, remote: str, header: str | None = None, *, is_open: bool = False, is_own: bool = False
) -> Caller:
    asked = Asked(remote, header, is_own=is_own)
    return await identify(registry, Operators("vgo_other"), asked, lan_is_open=is_open)


@pytest.mark.parametrize("remote", LOOPBACK)
async def test_this_machine_is_no_credential(registry: Registry, remote: str) -> None:
    with pytest.raises(Unauthorized, match="needs a key"):
        await ask(registry, remote)


@pytest.mark.parametrize("remote", LOOPBACK)
async def test_a_program_of_our_own_account_talks_without_a_key_and_is_no_operator(
    registry: Registry, remote: str
) -> None:
    caller = await ask(registry, remote, is_own=True)
    assert (caller.name, caller.role) == (None, Role.DEVICE)


async def test_the_secret_of_this_start_makes_an_operator(registry: Registry, operators: Operators) -> None:
    asked = Asked("127.0.0.1", f"Bearer {operators.secret}")
    assert (await identify(registry, operators, asked, lan_is_open=False)).role is Role.OPERATOR
    with pytest.raises(Unauthorized):
        await identify(registry, Operators("vgo_other"), asked, lan_is_open=False)


async def test_a_link_lets_one_browser_in_once(registry: Registry, operators: Operators) -> None:
    ticket = operators.link()
    asked = Asked("127.0.0.1", page=operators.enter(ticket))
    assert (await identify(registry, operators, asked, lan_is_open=False)).role is Role.OPERATOR
    for used in (ticket, "", "x"):
        with pytest.raises(Unauthorized, match="link"):
            operators.enter(used)
    with pytest.raises(Unauthorized):
        await identify(registry, operators, Asked("127.0.0.1", page=ticket), lan_is_open=False)


def test_a_page_lives_over_a_restart_and_no_other_gateway_knows_it(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    before, after, other = (Operators(own_secret(tmp_path / name)) for name in "aab")
    page = before.enter(before.link())
    assert after.is_page(page)
    assert not other.is_page(page)
    assert not any(
        after.is_page(wrong) for wrong in ("", ".", page[:-1], "ffffffffff" + page[8:], "é." + page)
    )
    assert (tmp_path / "a" / "operator.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("left", ["", "\n", "vgo_", "vgo_" + "x" * 42, "\0" * 47, "x" * 47])
def test_what_is_no_secret_is_replaced_and_said(tmp_path: Path, left: str) -> None:
    """As a restore that broke off leaves it: a page could be forged from what everyone knows."""
    path = tmp_path / "operator.key"
    path.write_text(left)
    said: list[str] = []
    sink = logger.add(said.append, format="{message}")
    operators, forged = Operators(own_secret(tmp_path)), Operators(left.strip())
    logger.remove(sink)
    assert not operators.is_page(forged.enter(forged.link()))
    assert own_secret(tmp_path) == operators.secret != left
    assert [line for line in said if "operator.key" in line and operators.secret not in line]


def test_a_secret_that_others_could_read_is_closed(tmp_path: Path) -> None:
    made = own_secret(tmp_path)
    (tmp_path / "operator.key").chmod(0o644)
    assert own_secret(tmp_path) == made
    assert (tmp_path / "operator.key").stat().st_mode & 0o777 == 0o600


def test_links_that_nobody_uses_are_bounded(operators: Operators) -> None:
    first, *_, last = [operators.link() for _ in range(40)]
    with pytest.raises(Unauthorized):
        operators.enter(first)
    assert operators.enter(last)


def test_a_browser_is_let_in_for_thirty_days() -> None:
    clock = Clock()
    operators = Operators("vgo_secret", clock)
    page = operators.enter(operators.link())
    clock.now += PAGE_SECONDS - 1
    assert operators.is_page(page)
    clock.now += 2
    assert not operators.is_page(page)


@pytest.mark.parametrize("remote", LAN)
async def test_the_lan_needs_a_key(registry: Registry, remote: str) -> None:
    with pytest.raises(Unauthorized, match="needs a key"):
        await ask(registry, remote)


@pytest.mark.parametrize("remote", [*LOOPBACK, *LAN])
@pytest.mark.parametrize("is_open", [False, True])
async def test_a_wrong_key_is_refused_anywhere(registry: Registry, remote: str, *, is_open: bool) -> None:
    with pytest.raises(Unauthorized):
        await ask(registry, remote, "Bearer vgw_wrong", is_open=is_open)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic eDp5", "vgw_x", "Bearer\tx"])
async def test_another_header_is_refused(registry: Registry, header: str) -> None:
    with pytest.raises(Unauthorized, match="Bearer KEY"):
        await ask(registry, "127.0.0.1", header)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_key_says_who_asks(registry: Registry, scheme: str) -> None:
    device, key = await registry.add("kitchen")
    caller = await ask(registry, "192.168.1.5", f"{scheme} {key}")
    assert caller == Caller("192.168.1.5", "kitchen", Role.DEVICE, device.id)


async def test_a_devices_key_makes_no_operator_of_loopback(registry: Registry) -> None:
    _, key = await registry.add("kitchen")
    with pytest.raises(Forbidden):
        (await ask(registry, "127.0.0.1", f"Bearer {key}")).must_be_operator()


async def test_an_open_lan_lets_devices_in_and_no_operators(registry: Registry) -> None:
    caller = await ask(registry, "192.168.1.5", is_open=True)
    assert (caller.name, caller.role) == (None, Role.DEVICE)
    with pytest.raises(Forbidden):
        caller.must_be_operator()


async def test_a_mapped_address_is_an_ipv4_address(registry: Registry) -> None:
    assert (await ask(registry, "::ffff:192.168.1.5", is_open=True)).address == "192.168.1.5"


async def test_what_is_no_address_gets_in_nowhere(registry: Registry) -> None:
    with pytest.raises(GatewayError):
        await ask(registry, "localhost", is_open=True)


# -- names and origins

NAMES = frozenset({"localhost", "voicegw-cafe0001.local", "gateway.example"})


@pytest.mark.parametrize(
    "host",
    [
        "localhost:7860",
        "LOCALHOST",
        "localhost.",
        "127.0.0.1:7860",
        "[::1]:7860",
        "192.168.1.2",
        "gateway.example:443",
    ],
)
def test_addresses_and_our_own_names_lead_here(host: str) -> None:
    check_host(host, NAMES)


@pytest.mark.parametrize(
    "host",
    [
        "rebound.example:7860",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.local",
        "",
        None,
        "[",
        "[::1",
    ],
)
def test_a_strangers_name_does_not(host: str | None) -> None:
    with pytest.raises(Forbidden):
        check_host(host, NAMES)


def test_it_knows_itself_by_its_hosts_name_and_by_what_the_user_says() -> None:
    names = names_of(Settings(names=("Voice.Example",)), "cafe0001")
    assert {"localhost", socket.gethostname().lower(), "voicegw-cafe0001.local", "voice.example"} <= names


@pytest.mark.parametrize(
    ("origin", "host", "site"),
    [
        (None, "localhost:7860", None),
        (None, "localhost:7860", "none"),
        ("http://localhost:7860", "localhost:7860", "same-origin"),
        ("https://192.168.1.2:7860", "192.168.1.2:7860", None),
    ],
)
def test_our_own_pages_and_scripts_may_ask(origin: str | None, host: str, site: str | None) -> None:
    check_origin(origin, host, site)


@pytest.mark.parametrize(
    ("origin", "host", "site"),
    [
        ("http://evil.example", "localhost:7860", None),
        ("http://localhost:3000", "localhost:7860", None),
        ("null", "localhost:7860", None),
        ("", "localhost:7860", None),
        ("http://evil.example", None, None),
        (None, "localhost:7860", "cross-site"),
        (None, "localhost:7860", "same-site"),
    ],
)
def test_other_pages_may_not(origin: str | None, host: str | None, site: str | None) -> None:
    with pytest.raises(Forbidden):
        check_origin(origin, host, site)


# -- plain http


@pytest.mark.parametrize("remote", LOOPBACK)
def test_this_machine_may_speak_plainly(remote: str) -> None:
    check_plain("http", remote=remote, allowed=False)


@pytest.mark.parametrize("remote", LAN)
def test_another_machine_speaks_tls_unless_the_user_says_otherwise(remote: str) -> None:
    check_plain("https", remote=remote, allowed=False)
    check_plain("http", remote=remote, allowed=True)
    with pytest.raises(TlsRequired):
        check_plain("http", remote=remote, allowed=False)


# -- rates


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def spent(limit: RateLimit, address: str = "a", most: int = 10_000) -> int:
    """Take until there is none left; gives how many there were."""
    for count in range(most):
        try:
            limit.take(address)
        except RateLimited:
            return count
    return most


def test_a_burst_is_a_quarter_of_the_rate() -> None:
    assert spent(RateLimit(120, Clock())) == 30


def test_a_low_rate_still_has_one() -> None:
    assert spent(RateLimit(1, Clock())) == 1


def test_the_rate_fills_up_again_to_the_burst() -> None:
    clock = Clock()
    limit = RateLimit(120, clock)
    spent(limit)
    clock.now += 5
    assert spent(limit) == 10
    clock.now += 3_600
    assert spent(limit) == 30


def test_one_address_does_not_use_up_anothers() -> None:
    limit = RateLimit(120, Clock())
    spent(limit, "a")
    assert spent(limit, "b") == 30


def test_the_wait_is_told() -> None:
    limit = RateLimit(60, Clock())
    spent(limit)
    with pytest.raises(RateLimited) as caught:
        limit.take("a")
    assert caught.value.remedy == "wait 1.0 s"


# -- proxies


def test_whose_word_counts() -> None:
    proxies = Proxies(["127.0.0.1", "10.0.0.0/8", "fd00::/8"])
    assert all(proxies.includes(a) for a in ("127.0.0.1", "::ffff:127.0.0.1", "10.1.2.3", "fd00::1"))
    assert not any(proxies.includes(a) for a in ("127.0.0.2", "192.168.1.5", "::1"))
    with pytest.raises(ConfigError, match="trusted_proxies"):
        Proxies(["proxy.example"])
