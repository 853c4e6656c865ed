"""`make scale-bench`: what a call on another machine costs beside one on the gateway's own.

Each machine is a network namespace on one bridge; all share this computer's cores, so what is compared is the way, not
the sum of several computers. Prints the table of docs/scale.md.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from tests.support import machines
from tests.support.gateway import GatewayProcess, client, serving
from tests.support.machines import Bridge, HostProcess, Nats, calling_from_here, enrol, fronting, hosting
from tests.support.offers import captured

WARM: Final = 8
CALLS: Final = 120
AT_ONCE: Final = 8
REST_SECONDS: Final = 0.2
"""After a call that is measured alone, for the end of the one that it replaced: else that is measured too."""
LISTEN_SECONDS: Final = 20.0
MONITOR: Final = 8222
SETTINGS: Final[dict[str, Any]] = {"limits": {"offers_per_minute": 100_000, "sessions": 256}}


@dataclass(frozen=True, slots=True)
class Ways:
    """Offer to answer, in ms, one after the other; and calls a second with several at once."""

    p50: float
    p99: float
    a_second: float


async def in_turn(*fronts: GatewayProcess) -> list[list[float]]:
    """Calls one after the other, each time at each: what else the machine does meets all of them alike."""
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(client(front.url, key=await enrol(front, "alone")))
            for front in fronts
        ]
        for own in clients:
            await _called(own, WARM)
        took: list[list[float]] = [[] for _ in clients]
        for _ in range(CALLS):
            for own, mine in zip(clients, took, strict=True):
                mine.extend(await _called(own, 1))
                await asyncio.sleep(REST_SECONDS)
    return [sorted(mine) for mine in took]


async def at_once(front: GatewayProcess) -> float:
    """Calls a second, of devices with a key each, whose next call replaces the one before."""
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(client(front.url, key=await enrol(front, f"bench{n}")))
            for n in range(AT_ONCE)
        ]
        began = time.monotonic()
        await asyncio.gather(*(_called(own, CALLS // AT_ONCE) for own in clients))
        return CALLS / (time.monotonic() - began)


async def _called(own: httpx.AsyncClient, count: int) -> list[float]:
    """So many calls that were answered; one that a full gateway refused is made again when that says, as a device's."""
    took: list[float] = []
    while len(took) < count:
        began = time.perf_counter()
        answer = await own.post("/api/offer", json={"sdp": captured("libpeer"), "type": "offer"})
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            await asyncio.sleep(float(answer.headers["retry-after"]))
            continue
        answer.raise_for_status()
        took.append(1000 * (time.perf_counter() - began))
    return took


async def told(nats: Nats) -> dict[str, int]:
    """What NATS has carried so far."""
    async with httpx.AsyncClient(trust_env=False) as http:
        found = (await http.get(f"http://{nats.machine.address}:{MONITOR}/varz")).json()
    return {name: found[name] for name in ("in_msgs", "in_bytes", "out_msgs", "out_bytes")}


def since(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {name: after[name] - before[name] for name in before}


@asynccontextmanager
async def fleet(
    bridge: Bridge, folder: Path
) -> AsyncIterator[tuple[Nats, GatewayProcess, list[HostProcess], str]]:
    """NATS, a front, two hosts."""
    nats = Nats(bridge.machine(), folder / "nats", more=("--http_port", str(MONITOR)))
    nats.start()
    await nats.ready()
    async with AsyncExitStack() as stack:
        stack.callback(nats.stop)
        hosts = [
            await stack.enter_async_context(
                hosting(bridge.machine(), folder / f"host{n}", nats.url, SETTINGS)
            )
            for n in range(2)
        ]
        front = await stack.enter_async_context(
            fronting(bridge.machine(), folder / "front", nats.url, SETTINGS)
        )
        operator = await enrol(front, "operator", role="operator")
        await machines.hosts_there(front, len(hosts))
        yield nats, front, hosts, operator


async def compared(bridge: Bridge, folder: Path) -> tuple[list[Ways], dict[str, Any]]:
    """The ways of a call on one machine and over the bus, and what NATS carries for it."""
    async with alone(bridge, folder) as one, fleet(bridge, folder) as (nats, front, hosts, operator):
        idle = await _still(nats)
        took = await in_turn(one, front)
        a_second = [await at_once(one)]
        before, began = await told(nats), time.monotonic()
        a_second.append(await at_once(front))
        seconds = (time.monotonic() - began) / CALLS
        per_call = {k: v / CALLS for k, v in since(before, await told(nats)).items()}
        async with calling_from_here(front, await enrol(front, "talks")) as peer:
            await peer.connect()
            await peer.hears()
            talking = await _still(nats)
            found = (await machines.state(front, operator))["sessions"]
            at = next(s["host"] for s in found if s["device"] == "talks")
            next(host for host in hosts if host.name == at).machine.die()
            died = time.monotonic()
            await peer.restart()
            await peer.connected()
            again = time.monotonic() - died
    ways = [
        Ways(statistics.median(mine), mine[int(len(mine) * 0.99)], rate)
        for mine, rate in zip(took, a_second, strict=True)
    ]
    return ways, {
        "per_call": {k: per_call[k] - idle[k] * seconds for k in per_call},
        "per_second_of_call": {k: talking[k] - idle[k] for k in idle},
        "idle_a_second": idle,
        "again_s": again,
    }


async def _still(nats: Nats) -> dict[str, float]:
    """What is carried in a second in which no call begins."""
    before = await told(nats)
    await asyncio.sleep(LISTEN_SECONDS)
    return {k: v / LISTEN_SECONDS for k, v in since(before, await told(nats)).items()}


@asynccontextmanager
async def alone(bridge: Bridge, folder: Path) -> AsyncIterator[GatewayProcess]:
    """A gateway with as many media processes as the fleet has hosts, without NATS."""
    machine = bridge.machine()
    async with serving(folder / "alone", {**SETTINGS, "media": 2}, host="::", prefix=machine.prefix) as front:
        front.url = f"https://{machine.address}:{front.port}"
        yield front


def main() -> int:
    """Measure and print; gives the exit status."""
    if not machines.possible():
        print(f"error: this {machines.WHY_NOT}", file=sys.stderr)  # noqa: T201
        return 2
    with tempfile.TemporaryDirectory(prefix="voicegw-scale-") as folder, machines.bridge() as bridge:
        (one, bus), cost = asyncio.run(compared(bridge, Path(folder)))
    print(f"{os.cpu_count()} cores, {platform.machine()}, load {os.getloadavg()[0]:.1f} at the end")  # noqa: T201
    print("| | one machine, 2 media processes | over NATS, 2 hosts |\n|---|---|---|")  # noqa: T201
    for name, unit in (("p50", "ms"), ("p99", "ms"), ("a_second", "calls/s")):
        print(f"| {name} | {getattr(one, name):.1f} {unit} | {getattr(bus, name):.1f} {unit} |")  # noqa: T201
    print(json.dumps(cost, indent=1))  # noqa: T201
    return 0 if bus.p50 - one.p50 <= 5 else 1


if __name__ == "__main__":
    sys.exit(main())
