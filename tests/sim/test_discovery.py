"""Finding a gateway by mDNS, and being found, on loopback, against python-zeroconf."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

from zeroconf import IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from tests.support.device import device
from tests.support.gateway import GatewayProcess, serving
from tests.support.middle import kept_port
from tests.support.waiting import eventually, until

KIND = "_voicegw._tcp.local."


@contextlib.asynccontextmanager
async def lan() -> AsyncIterator[AsyncZeroconf]:
    zeroconf = AsyncZeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
    try:
        yield zeroconf
    finally:
        await zeroconf.async_unregister_all_services()
        await zeroconf.async_close()


async def announce(
    zeroconf: AsyncZeroconf, name: str, port: int, load: str = "0.0", *, tls: str = "0", of: str | None = None
) -> None:
    properties = {"v": "1", "id": of or name, "path": "/api/offer", "tls": tls, "load": load}
    info = ServiceInfo(
        KIND,
        f"{name}.{KIND}",
        addresses=[socket.inet_aton("127.0.0.1")],
        port=port,
        properties=properties,
        server=f"{name}.local.",
    )
    await zeroconf.async_register_service(info)


async def test_it_finds_the_least_loaded_gateway(echo: GatewayProcess, tmp_path: Path) -> None:
    with kept_port() as nobody:
        async with lan() as zeroconf:
            await announce(zeroconf, "aaaaaaaa", nobody, load="0.9")
            await announce(zeroconf, "bbbbbbbb", echo.port, load="0.1")
            async with device(tmp_path) as own:
                await own.live()
                assert (await own.ask("state"))["port"] == echo.port
                assert (await own.ask("settings get gateway_id"))["gateway_id"] == "bbbbbbbb"


async def test_it_prefers_the_one_it_is_paired_with(echo: GatewayProcess, tmp_path: Path) -> None:
    with kept_port() as nobody:
        async with lan() as zeroconf, device(tmp_path) as own:
            await own.ask("settings set gateway_id bbbbbbbb")
            await announce(zeroconf, "aaaaaaaa", nobody, load="0.0")
            await announce(zeroconf, "bbbbbbbb", echo.port, load="0.9")
            await own.live()
            assert own.failures().count("unreachable") <= 1


async def test_its_own_is_found_among_however_many(echo: GatewayProcess, tmp_path: Path) -> None:
    with kept_port() as nobody:
        async with lan() as zeroconf, device(tmp_path) as own:
            await own.ask("settings set gateway_id ffffffff")
            await asyncio.gather(*(announce(zeroconf, f"{number:08x}", nobody) for number in range(12)))
            await announce(zeroconf, "ffffffff", echo.port, load="0.9")
            await own.live()
            assert (await own.ask("state"))["port"] == echo.port


async def test_where_its_own_gateway_is_full_another_takes_it(echo: GatewayProcess, tmp_path: Path) -> None:
    limits = {"limits": {"sessions": 1}}
    async with (
        serving(tmp_path / "full", limits) as full,
        device(tmp_path / "first", url=full.url) as first,
        lan() as zeroconf,
    ):
        await first.live()
        await announce(zeroconf, "aaaaaaaa", full.port, load="1.0")
        await announce(zeroconf, "bbbbbbbb", echo.port, load="0.0")
        async with device(tmp_path / "second") as own:
            await own.ask("settings set gateway_id aaaaaaaa")
            await own.live()
            assert (await own.ask("state"))["port"] == echo.port
            assert (await own.ask("settings get gateway_id"))["gateway_id"] == "aaaaaaaa"
            assert "aaaaaaaa: gateway_busy" in own.log()


async def test_where_its_own_gateway_cannot_be_reached_another_takes_it(
    echo: GatewayProcess, tmp_path: Path
) -> None:
    with kept_port() as nobody:
        async with lan() as zeroconf, device(tmp_path) as own:
            await own.ask("settings set gateway_id aaaaaaaa")
            await announce(zeroconf, "aaaaaaaa", nobody)
            await announce(zeroconf, "bbbbbbbb", echo.port)
            await own.live()
            assert (await own.ask("settings get gateway_id"))["gateway_id"] == "aaaaaaaa"


async def test_a_fake_of_its_own_gateway_keeps_it_from_nothing(echo: GatewayProcess, tmp_path: Path) -> None:
    async with serving(tmp_path / "fake") as fake, lan() as zeroconf, device(tmp_path / "device") as own:
        await own.ask(f"settings set fingerprint {echo.identity}")
        await own.ask("settings set gateway_id aaaaaaaa")
        await announce(zeroconf, "aaaaaaaa", fake.port, tls="1")
        await until(lambda: "aaaaaaaa: tls_pin" in own.log(), "the fake is met")
        await announce(zeroconf, "bbbbbbbb", echo.port, tls="1", of="aaaaaaaa")
        await own.live()
        assert (await own.ask("state"))["port"] == echo.port


async def test_a_gateway_that_appears_is_called_at_once(echo: GatewayProcess, tmp_path: Path) -> None:
    async with lan() as zeroconf, device(tmp_path) as own:
        await own.fails("no_gateway")
        await announce(zeroconf, "bbbbbbbb", echo.port)
        await own.live()


async def test_the_lan_sees_its_state(echo: GatewayProcess, tmp_path: Path) -> None:
    async with lan() as zeroconf, device(tmp_path, "--name", "my kitchen", url=echo.secure_url) as own:
        await own.live()

        async def told() -> bool:
            kind = "_voicedev._tcp.local."
            info = await zeroconf.async_get_service_info(kind, f"my kitchen.{kind}", 1_000)
            return info is not None and info.properties.get(b"state") == b"live"

        await eventually(told, "the state is announced")
