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
LISTEN_SECONDS: Final = 20.0
MONITOR: Final = 8222
SETTINGS: Final[dict[str, Any]] = {"limits": {"offers_per_minute": 100_000, "sessions": 256}}


@dataclass(frozen=True, slots=True)
class Ways:
    """Offer to answer, in ms, one after the other; and calls a second with several at once."""

    p50: float
    p99: float
    a_second: float


async def measured(front: GatewayProcess, name: str) -> Ways:
    """Of a device with a key, whose next call replaces the one before."""
    keys = [enrol(front, f"{name}{n}") for n in range(AT_ONCE)]
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(client(front.url, key=key)) for key in keys]
        await _called(clients[0], WARM)
        took = sorted(await _called(clients[0], CALLS))
        began = time.monotonic()
        await asyncio.gather(*(_called(own, CALLS // AT_ONCE) for own in clients))
        a_second = CALLS / (time.monotonic() - began)
    return Ways(statistics.median(took), took[int(len(took) * 0.99)], a_second)


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
        operator = enrol(front, "operator", role="operator")
        await machines.hosts_there(front, len(hosts))
        yield nats, front, hosts, operator


async def over_the_bus(bridge: Bridge, folder: Path) -> tuple[Ways, dict[str, Any]]:
    """Time, and what NATS carries for it."""
    async with fleet(bridge, folder) as (nats, front, hosts, operator):
        before = await told(nats)
        began = time.monotonic()
        ways = await measured(front, "bench")
        calls = WARM + CALLS + CALLS
        per_call = {k: v / calls for k, v in since(before, await told(nats)).items()}
        seconds = (time.monotonic() - began) / calls
        idle = await _still(nats)
        async with calling_from_here(front, enrol(front, "talks")) as peer:
            await peer.connect()
            await peer.hears()
            talking = await _still(nats)
            found = (await machines.state(front, operator))["sessions"]
            victim = next(
                h for h in hosts if h.name == next(s["host"] for s in found if s["device"] == "talks")
            )
            victim.machine.die()
            died = time.monotonic()
            await peer.restart()
            await peer.connected()
            again = time.monotonic() - died
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


async def here(bridge: Bridge, folder: Path) -> Ways:
    """The same on one machine, without NATS."""
    machine = bridge.machine()
    async with serving(folder / "alone", {**SETTINGS, "media": 2}, host="::", prefix=machine.prefix) as front:
        front.url = f"https://{machine.address}:{front.port}"
        return await measured(front, "bench")


def main() -> int:
    """Measure and print; gives the exit status."""
    if not machines.possible():
        print(f"error: this {machines.WHY_NOT}", file=sys.stderr)  # noqa: T201
        return 2
    with tempfile.TemporaryDirectory(prefix="voicegw-scale-") as folder, machines.bridge() as bridge:
        alone = asyncio.run(here(bridge, Path(folder)))
        bus, cost = asyncio.run(over_the_bus(bridge, Path(folder)))
    print(f"{os.cpu_count()} cores, {platform.machine()}, load {os.getloadavg()[0]:.1f} at the end")  # noqa: T201
    print("| | one machine, 2 media processes | over NATS, 2 hosts |\n|---|---|---|")  # noqa: T201
    for name, unit in (("p50", "ms"), ("p99", "ms"), ("a_second", "calls/s")):
        print(f"| {name} | {getattr(alone, name):.1f} {unit} | {getattr(bus, name):.1f} {unit} |")  # noqa: T201
    print(json.dumps(cost, indent=1))  # noqa: T201
    return 0 if bus.p50 - alone.p50 <= 5 else 1


if __name__ == "__main__":
    sys.exit(main())
