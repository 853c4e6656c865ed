"""The client's process: `python -m bench.client` runs the plan in its input and prints what it finds."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

import httpx
import numpy as np

from bench.calling import PER_SECOND, SETTLE, fill, late, leave, measured, payload, read, say
from bench.crowd import heard_answers, overload, ramp, ramp_asking
from bench.device import Device, encode, encode_with_dtx, listen
from bench.signals import RATE, chirps, echo_delays, lag, losses, noise, write_wav
from gateway.rtc.codec import is_inactive

_BIT: Final = 50  # packets
_REST: Final = 25.0  # until nobody looks for the end of a turn any more


async def main() -> None:
    """Run one plan."""
    plan = json.load(sys.stdin)
    await _until_up(plan["url"])
    plans: dict[str, Callable[..., Any]] = {
        "echo": echo,
        "steady": steady,
        "rooms": rooms,
        "ramp": ramp,
        "ramp_asking": ramp_asking,
        "overload": overload,
        "loss": loss,
    }
    kind = plan.pop("kind")
    await plans[kind](**plan)


async def _until_up(url: str) -> None:
    async with httpx.AsyncClient(verify=False) as client:  # noqa: S501 -- plain HTTP
        for _ in range(600):
            try:
                await client.get(url)
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return
    raise TimeoutError(f"nothing answers at {url}")


async def echo(url: str, calls: int, seconds: float, hog: bool = False) -> None:
    """Call after call of chirps: how long each takes from mouth to ear, and a call to start.

    With `hog`, beside a call whose bot takes all the CPU that it can get.
    """
    pcm, starts = chirps(seconds)
    packets = encode(pcm)
    beside = Device(url, "hog") if hog else None
    if beside is not None:
        await beside.connect()
    for _ in range(calls):
        device = Device(url)
        await device.connect()
        await asyncio.sleep(SETTLE)
        say(event="speaking")
        await device.speak(packets, seconds)
        await device.close()
        said_at = [device.speaking_since + start for start in starts]
        echo_ms = [1000 * delay for delay in echo_delays(listen(device.arrivals), said_at)]
        figures = {"connect_ms": _connect_ms(device), "echo_ms": echo_ms, "gap_ms": _gap_ms(device)}
        say(event="call", said_at=said_at, **figures)
    if beside is not None:
        await beside.close()


def _gap_ms(device: Device) -> float:
    """The longest time between two packets that came while it spoke."""
    times = np.array([arrival.when for arrival in device.arrivals if arrival.when > device.speaking_since])
    return float(1000 * np.diff(times).max(initial=0.0))


def _connect_ms(device: Device) -> float:
    return 1000 * (device.arrivals[0].when - device.offered_at)


async def steady(url: str, sessions: int, seconds: float, speech: str) -> None:
    """So many calls at once, or what there is room for: says `begin` and `end` of the time in which all talk."""
    packets = encode(read(speech))
    devices: list[Device] = []
    talks: list[asyncio.Task[None]] = []
    await fill(devices, talks, lambda _: (Device(url), packets), sessions)
    await asyncio.sleep(SETTLE)
    begin, end = await measured(seconds, len(devices))
    say(event="end", late=late(devices, begin, end), payload_bytes=payload(devices, begin, end))
    await leave(devices, talks)


async def rooms(  # noqa: PLR0913, PLR0917 -- a plan
    url: str,
    sessions: int,
    seconds: float,
    dtx: bool,
    talking: int = 0,
    speech: str = "",
    ends: Sequence[int] = (),
) -> None:
    """So many calls from silent rooms, or what there is room for; in some somebody asks something again and again.

    Says `first` when the first one is there, `begin` and `end` of the time in which all are, and at rest.
    """
    coded = encode_with_dtx if dtx else encode
    silence = coded(noise(20.0))
    asked = coded(read(speech)) if talking else silence
    devices: list[Device] = []
    talks: list[asyncio.Task[None]] = []

    def call(index: int) -> tuple[Device, Sequence[bytes | None]]:
        return Device(url, dtx=dtx), asked if index < talking else silence

    await fill(devices, talks, call, 1)
    await asyncio.sleep(SETTLE)
    say(event="first")
    await fill(devices, talks, call, sessions)
    await asyncio.sleep(_REST)
    begin, end = await measured(seconds, len(devices))
    answers = heard_answers(devices[:talking], ends, len(asked), begin, end)
    say(event="end", answered=float(np.mean(answers)) if answers else None)
    await leave(devices, talks)


async def loss(url: str, conditions: list[dict[str, Any]], speech: str) -> None:
    """One call for each condition, all at once; what came back is written to the condition's `out`."""
    pcm = read(speech)
    packets = encode(pcm)
    seconds = len(pcm) / 2 / RATE

    async def call(condition: dict[str, Any]) -> None:
        count = len(packets)
        lost = losses(count, condition["rate"], condition["burst"], condition["seed"])
        up, down = (lost, None) if condition["up"] else (None, lost)
        device = Device(url, redundant=condition.get("redundant", False), lost_up=up, lost_down=down)
        await device.connect()
        await _until_answered(device, packets)
        await device.speak(packets, seconds)
        await asyncio.sleep(0.5)
        await device.close()
        heard = listen(device.arrivals)
        start = int(np.searchsorted(heard.when, device.speaking_since))
        start += lag(np.frombuffer(pcm, "<i2").astype(np.float64), heard.pcm[start:])
        write_wav(condition["out"], heard.pcm[start:].astype("<i2").tobytes())
        sizes = device.sent if condition["up"] else [a.size for a in device.arrivals if a.size]
        say(event="call", out=condition["out"], received=len(device.arrivals), bytes=float(np.mean(sizes)))

    await asyncio.gather(*map(call, conditions))


async def _until_answered(device: Device, packets: Sequence[bytes]) -> None:
    """Say a bit every second until something comes back: what is said while a bot starts comes late for long."""
    while not any(not is_inactive(arrival.payload) for arrival in device.arrivals):
        await device.speak(packets[:_BIT], _BIT / PER_SECOND)
        await asyncio.sleep(1.0)
    await asyncio.sleep(SETTLE)


if __name__ == "__main__":
    asyncio.run(main())
