"""`make hosts-demo`: NATS, two fronts, three hosts and six devices, each on a machine of its own; then two of them die.

Machines are network namespaces on one bridge. The devices find the gateway by mDNS, are keyed at one front, and ask the
assistant a recorded question. While they are answered, a host and a front lose their network and all that runs there.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support import machines
from tests.support.device import PLAIN, Device, running
from tests.support.gateway import ROOT, GatewayProcess, voicegw
from tests.support.machines import Bridge, HostProcess, Nats, enrol, fronting, hosting
from tests.support.waiting import PATIENCE, until

DEVICES: Final = 6
QUESTION: Final = ROOT / "gateway" / "data" / "question.wav"
"""Each asks it as soon as it is live, and whenever it is told to."""
LIVE: Final = {"event": "state", "state": "live"}
TRIES: Final = 4
ANSWER_SECONDS: Final = 20.0
SETTINGS: Final[dict[str, Any]] = {"bot": "assistant"}


@dataclass(frozen=True, slots=True)
class Shown:
    """What came of it."""

    answered: int
    after_kill: int
    recovered_s: float
    lost_calls: int
    carried: int
    """Calls of the host that died."""

    def __str__(self) -> str:
        return (
            f"devices={DEVICES} answered={self.answered} after_kill={self.after_kill}"
            f" recovered_s={self.recovered_s:.1f} lost_calls={self.lost_calls}"
        )

    @property
    def is_well(self) -> bool:
        """Whether it is what docs/scale.md promises."""
        whole = self.answered == self.after_kill == DEVICES
        return whole and self.recovered_s <= 3 and self.lost_calls <= self.carried


async def show(bridge: Bridge, folder: Path) -> Shown:
    """Do it in this folder."""
    async with AsyncExitStack() as stack:
        nats = Nats(bridge.machine(), folder / "nats")
        nats.start()
        stack.callback(nats.stop)
        await nats.ready()
        fronts = await _fronts(bridge, folder, nats, stack)
        own = {**SETTINGS, "cache_dir": str(folder / "cache")}  # the first start makes a language model there
        hosts = [
            await stack.enter_async_context(hosting(bridge.machine(), folder / f"host{n}", nats.url, own))
            for n in range(3)
        ]
        operator = await enrol(fronts[0], "operator", role="operator")
        await machines.hosts_there(fronts[0], len(hosts))
        devices = [await _device(bridge, folder, fronts[0], n, stack) for n in range(DEVICES)]
        await asyncio.gather(*(own.live() for own in devices))
        answered = await _asked(devices)
        return await _after_kill(devices, fronts, hosts, operator, answered)


async def _fronts(bridge: Bridge, folder: Path, nats: Nats, stack: AsyncExitStack) -> list[GatewayProcess]:
    """Two that are one gateway to their devices: they have the identity of the first."""
    first = await stack.enter_async_context(
        fronting(bridge.machine(), folder / "front0", nats.url, {"announce": True})
    )
    identity = str(folder / "identity")
    other = folder / "front1"
    machines.write_front(other, nats.url, "front-1")
    for directory, verb in ((folder / "front0", "export"), (other, "import")):
        done = voicegw("identity", "--config", str(directory / "voicegw.toml"), verb, identity)
        assert done.returncode == 0, done.stderr
    return [first, await stack.enter_async_context(fronting(bridge.machine(), other, nats.url))]


async def _device(
    bridge: Bridge, folder: Path, front: GatewayProcess, number: int, stack: AsyncExitStack
) -> Device:
    name = f"device{number}"
    machine = bridge.machine()
    return await stack.enter_async_context(
        running(
            folder / name,
            *("--interface", "eth0", "--mic", str(QUESTION)),
            key=await enrol(front, name),
            plain=PLAIN.exists(),
            prefix=machine.prefix,
            namespace=machine.name,
        )
    )


async def _asked(devices: list[Device]) -> int:
    """Ask on all of them; how many were answered."""
    return sum(await asyncio.gather(*(_answered(own) for own in devices)))


async def _answered(own: Device) -> bool:
    """Whether it is answered; who is not asks again, for a device is live before its bot listens."""
    for _ in range(TRIES):
        await own.live()
        own.events = [LIVE]
        await own.ask("inject clip")
        with contextlib.suppress(AssertionError):
            await until(lambda: _speaks(own), "it is answered", ANSWER_SECONDS)
            return True
    return False


def _speaks(own: Device) -> bool:
    return any(e["event"] == "speaking" and e["who"] == "bot" and e["on"] for e in own.events)


async def _after_kill(
    devices: list[Device],
    fronts: list[GatewayProcess],
    hosts: list[HostProcess],
    operator: str,
    answered: int,
) -> Shown:
    """A host and a front die while all are in a conversation."""
    sessions = (await machines.state(fronts[0], operator))["sessions"]
    carried = {host.name: sum(s["host"] == host.name for s in sessions) for host in hosts}
    victim = max(hosts, key=lambda host: carried[host.name])
    for own in devices:
        own.events = [LIVE]
    await asyncio.gather(*(own.ask("inject clip") for own in devices))
    victim.machine.die()
    died = time.monotonic()
    machines.machine_of(fronts[1]).die()
    fallen: set[int] = set()
    back: dict[int, float] = {}

    def all_back() -> bool:
        for number, own in enumerate(devices):
            if own.states()[-1:] != ["live"]:
                fallen.add(number)
                back.pop(number, None)
            elif number in fallen:
                back.setdefault(number, time.monotonic() - died)
        return len(fallen) >= carried[victim.name] and fallen == set(back)

    await until(all_back, "every device is live again", PATIENCE)
    recovered = max(back.values(), default=0.0)
    return Shown(answered, await _asked(devices), recovered, len(fallen), carried[victim.name])


def main() -> int:
    """Show it; gives the exit status."""
    if not machines.possible():
        print(f"error: this {machines.WHY_NOT}", file=sys.stderr)  # noqa: T201
        return 2
    with tempfile.TemporaryDirectory(prefix="voicegw-hosts-") as folder, machines.bridge() as bridge:
        shown = asyncio.run(show(bridge, Path(folder)))
    print(shown)  # noqa: T201
    return 0 if shown.is_well else 1


if __name__ == "__main__":
    sys.exit(main())
