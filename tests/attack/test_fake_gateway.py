"""Signalling over TLS: whom a device trusts, and that it speaks to no other, whatever is announced or set."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sim.test_discovery import announce, lan
from tests.support.certificates import self_signed
from tests.support.device import device
from tests.support.gateway import GatewayProcess, serving
from tests.support.middle import between, eavesdropping
from tests.support.waiting import until


async def test_a_pinned_ca_is_trusted(echo: GatewayProcess, tmp_path: Path) -> None:
    made = self_signed(tmp_path)
    async with (
        between(echo.url, secure=made.server()) as middle,
        device(tmp_path / "device", "--ca", str(made.path), url=middle.url) as own,
    ):
        await own.live()
        await own.hears(440)


async def test_a_pinned_certificate_is_trusted(echo: GatewayProcess, tmp_path: Path) -> None:
    made = self_signed(tmp_path, "some.other.name")
    async with (
        between(echo.url, secure=made.server()) as middle,
        device(tmp_path / "device", "--fingerprint", made.fingerprint, url=middle.url) as own,
    ):
        await own.live()


async def test_the_gateways_own_identity_is_pinned(echo: GatewayProcess, tmp_path: Path) -> None:
    async with device(tmp_path, "--fingerprint", echo.identity, url=echo.secure_url) as own:
        await own.live()
        await own.hears(440)


async def test_a_second_identity_is_as_good(echo: GatewayProcess, tmp_path: Path) -> None:
    pins = f"{'0' * 64},{echo.identity}"
    async with device(tmp_path, "--fingerprint", pins, url=echo.secure_url) as own:
        await own.live()


async def test_the_first_that_lets_it_in_is_pinned_and_can_be_let_go(
    echo: GatewayProcess, tmp_path: Path
) -> None:
    async with device(tmp_path / "own", url=echo.secure_url) as own:
        await own.live()
        assert (await own.ask("settings get fingerprint"))["fingerprint"] == echo.identity
        async with serving(tmp_path / "other") as other:
            await own.ask(f"settings set gateway {other.secure_url}")
            await own.fails("tls_pin")
            assert other.log().count("offer") == 0
            await own.ask("settings erase fingerprint")
            await own.live()
            assert (await own.ask("settings get fingerprint"))["fingerprint"] == other.identity


def is_silent(heard: list[bytes]) -> bool:
    """Whether all that it was told are the first words of TLS."""
    return all(said[:1] == b"\x16" and b"hush" not in said for said in heard)


@pytest.mark.parametrize("pin", ["--ca", "--fingerprint"])
async def test_a_pinned_device_says_nothing_over_plain_http(tmp_path: Path, pin: str) -> None:
    made = self_signed(tmp_path)
    value = str(made.path) if pin == "--ca" else made.fingerprint
    async with eavesdropping() as ear, device(tmp_path / "own", pin, value, url=ear.url, key="hush"):
        await until(lambda: len(ear.heard) > 1, "it has tried more than once")
        assert is_silent(ear.heard)


async def test_a_fake_gateway_that_mdns_would_have_it_speak_plainly_to_gets_nothing(
    echo: GatewayProcess, tmp_path: Path
) -> None:
    async with lan() as zeroconf, eavesdropping() as ear:
        await announce(zeroconf, "fake", int(ear.url.rsplit(":", 1)[1]), tls="0")
        async with device(tmp_path, "--fingerprint", echo.identity, key="hush"):
            await until(lambda: len(ear.heard) > 0, "it has tried")
            assert is_silent(ear.heard)


async def test_a_fake_gateway_with_a_certificate_of_its_own_gets_nothing(
    echo: GatewayProcess, tmp_path: Path
) -> None:
    made = self_signed(tmp_path)
    async with lan() as zeroconf, between(echo.url, secure=made.server()) as middle:
        await announce(zeroconf, "fake", int(middle.url.rsplit(":", 1)[1]), tls="1")
        async with device(tmp_path, "--fingerprint", echo.identity, key="hush") as own:
            await own.fails("tls_pin")
        assert middle.paths == []


async def test_another_certificate_gets_no_key(echo: GatewayProcess, tmp_path: Path) -> None:
    made, other = self_signed(tmp_path / "a"), self_signed(tmp_path / "b")
    async with between(echo.url, secure=made.server()) as middle:
        for number, option in enumerate((["--ca", str(other.path)], ["--fingerprint", other.fingerprint])):
            async with device(tmp_path / str(number), *option, url=middle.url, key="hush") as own:
                await own.fails("tls_pin")
        assert middle.paths == []
