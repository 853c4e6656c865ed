"""A rack dies, and everyone on it redials: how long until all are live, and the largest load on a front and on NATS."""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loguru import logger

from bench.simulated import clock
from bench.simulated.device import Device, compiled
from bench.simulated.machines import Front, Host
from bench.simulated.network import Network
from gateway.sections import Limits, Nats
from gateway.settings import Settings
from tests.support.offers import captured

PACES: Final = {
    "the firmware's": None,
    "four times slower": "[REASON_SOON]={1000,8000},[REASON_STEADY]={4000,120000},[REASON_PATIENT]={5000,60000}",
    "at once, four a second": "[REASON_SOON]={250,250},[REASON_STEADY]={250,250},[REASON_PATIENT]={250,250}",
}
"""Back-offs that are compared; as call/session.c has them: first and most, in ms."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """What is simulated."""

    devices: int
    hosts: int
    fronts: int
    rack: int
    """Hosts that die at once."""
    cores: int = 4
    most: int = 64
    """Calls of a host, by its settings."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """From the moment that the rack dies, in seconds."""

    lost: int
    half: float
    most: float
    """For 99 of 100."""
    everyone: float
    tries: float
    front_wait: float
    """The longest that a request waited for its front's CPU."""
    front_asked: int
    nats_second: int
    """Messages in and out in the busiest second."""
    nats_before: float
    twins: int
    """Devices with two calls on hosts that live."""


async def rack_dies(fleet: Fleet, folder: Path, paces: str | None, seed: int) -> Outcome:
    """Let all of them call, and then take the rack's power away."""
    table = compiled(folder, paces)
    network = Network(seed)
    settings = Settings(limits=Limits(sessions=fleet.most), nats=Nats(urls=("nats://simulated:4222",)))
    fronts = [Front(network, settings) for _ in range(fleet.fronts)]
    hosts = [Host(network, n, settings, fleet.cores) for n in range(fleet.hosts)]
    for front in fronts:
        await front.hosts.start()
    for host in hosts:
        await host.start()
    await asyncio.sleep(1)
    sdp = captured("libpeer")
    devices = [Device(n, table, fronts, network.random.uniform, sdp) for n in range(fleet.devices)]
    await _all_call(devices, network)
    before = network.carried[int(asyncio.get_running_loop().time()) - 1]
    died = asyncio.get_running_loop().time()
    lost = _die(hosts[: fleet.rack], devices)
    asked = [front.asked for front in fronts]
    for front in fronts:
        front.cpu.deepest = 0.0
    tries = [own.tries for own in lost]
    await asyncio.gather(*(own.lose() for own in lost))
    back = sorted(own.live_at - died for own in lost)
    await asyncio.sleep(1)
    seconds = [count for second, count in network.carried.items() if second >= int(died)]
    return Outcome(
        len(lost),
        statistics.median(back),
        back[int(len(back) * 0.99)],
        back[-1],
        statistics.mean(own.tries - was for own, was in zip(lost, tries, strict=True)),
        max(front.cpu.deepest for front in fronts),
        max(front.asked - was for front, was in zip(fronts, asked, strict=True)),
        max(seconds),
        before,
        _twins(hosts[fleet.rack :]),
    )


async def _all_call(devices: list[Device], network: Network) -> None:
    """One after the other, as on a day without trouble."""

    async def later(own: Device, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await own.call()

    most = len(devices) / 20
    await asyncio.gather(*(later(own, network.random.uniform(0, most)) for own in devices))
    await asyncio.sleep(5)


def _die(rack: list[Host], devices: list[Device]) -> list[Device]:
    gone: set[str] = set()
    for host in rack:
        host.member.die()
        gone |= {session_id.partition("-")[0] for session_id in host.media.calls}
    return [own for own in devices if str(own.number) in gone]


def _twins(hosts: list[Host]) -> int:
    on = [session_id.partition("-")[0] for host in hosts for session_id in host.media.calls]
    return len(on) - len(set(on))


def main() -> None:
    """Print a table for each back-off."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=3_000)
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--fronts", type=int, default=3)
    parser.add_argument("--rack", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    logger.remove()
    fleet = Fleet(given.devices, given.hosts, given.fronts, given.rack)
    print(f"{fleet}")  # noqa: T201
    for name, paces in PACES.items():
        with tempfile.TemporaryDirectory(prefix="voicegw-simulated-") as folder:
            print(f"{name}: {clock.run(rack_dies(fleet, Path(folder), paces, given.seed))}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
