"""Signalling over TLS, where a device trusts what is pinned and nothing else."""

from __future__ import annotations

from pathlib import Path

from tests.support.certificates import self_signed
from tests.support.device import device
from tests.support.gateway import GatewayProcess
from tests.support.middle import between


async def test_a_pinned_ca_is_trusted(echo: GatewayProcess, tmp_path: Path) -> None:
    made = self_signed(tmp_path)
    async with (
        between(echo.url, secure=made.server()) as middle,
        device(tmp_path / "device", "--ca", str(made.path), url=middle.url) as own,
    ):
        await own.live()
        await own.hears(440)


async def test_a_pinned_fingerprint_is_trusted(echo: GatewayProcess, tmp_path: Path) -> None:
    made = self_signed(tmp_path, "some.other.name")
    async with (
        between(echo.url, secure=made.server()) as middle,
        device(tmp_path / "device", "--fingerprint", made.fingerprint, url=middle.url) as own,
    ):
        await own.live()


async def test_another_certificate_gets_no_key(echo: GatewayProcess, tmp_path: Path) -> None:
    made, other = self_signed(tmp_path / "a"), self_signed(tmp_path / "b")
    async with between(echo.url, secure=made.server()) as middle:
        for number, option in enumerate(
            (["--ca", str(other.path)], ["--fingerprint", other.fingerprint], [])
        ):
            async with device(tmp_path / str(number), *option, url=middle.url, key="hush") as own:
                await own.fails("tls_pin")
        assert middle.paths == []
