"""The client's process: `python -m bench.client` runs the plan in its input and prints what it finds."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import wave
from collections.abc import Callable, Sequence
from typing import Any, Final

import httpx
import numpy as np

from bench.device import Arrival, Device, encode, encode_with_dtx, listen
from bench.signals import RATE, chirps, echo_delays, lag, losses, noise, write_wav
from gateway.rtc.codec import is_inactive

_LATE: Final = 0.020
_SETTLE: Final = 3.0
_BIT: Final = 50  # packets
_REST: Final = 25.0  # until nobody looks for the end of a turn any more
_CONNECT_EVERY: Final = 0.15
_EXPECTED_PER_SECOND: Final = 50


def say(**event: Any) -> None:
    """One line for the process that started this one."""
    print(json.dumps(event), flush=True)  # noqa: T201


async def main() -> None:
    """Run one plan."""
    plan = json.load(sys.stdin)
    await _until_up(plan["url"])
    plans: dict[str, Callable[..., Any]] = {
        "echo": echo,
        "steady": steady,
        "silent": silent,
        "ramp": ramp,
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
        await asyncio.sleep(_SETTLE)
        await device.speak(packets, seconds)
        await device.close()
        delays = echo_delays(listen(device.arrivals), [device.speaking_since + start for start in starts])
        echo_ms = [1000 * delay for delay in delays]
        say(event="call", connect_ms=_connect_ms(device), echo_ms=echo_ms, gap_ms=_gap_ms(device))
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
    packets = encode(_read(speech))
    devices: list[Device] = []
    talks: list[asyncio.Task[None]] = []
    while len(devices) < sessions:
        try:
            talks.append(await _join(device := Device(url), packets, len(devices), 3600.0))
        except httpx.HTTPStatusError as error:
            if error.response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                raise
            break  # it is full
        devices.append(device)
    await asyncio.sleep(_SETTLE)
    say(event="begin", sessions=len(devices))
    begin = time.monotonic()
    await asyncio.sleep(seconds)
    end = time.monotonic()
    say(event="end", late=_late(devices, begin, end), payload_bytes=_payload(devices, begin, end))
    await _leave(devices, talks)


async def silent(url: str, sessions: int, seconds: float, dtx: bool) -> None:
    """So many calls from a silent room: says `begin` and `end` of the time in which all are there, and at rest."""
    packets = encode_with_dtx(noise(20.0)) if dtx else encode(noise(20.0))
    devices = [Device(url, dtx=dtx) for _ in range(sessions)]
    talks = [await _join(device, packets, 97 * index, 3600.0) for index, device in enumerate(devices)]
    await asyncio.sleep(_REST)
    say(event="begin")
    await asyncio.sleep(seconds)
    say(event="end")
    await _leave(devices, talks)


async def ramp(url: str, step: int, plateau: float, limit: int, speech: str) -> None:
    """More and more calls, until more than 1 % of packets are later than 20 ms, twice in a row."""
    packets = encode(_read(speech))
    devices: list[Device] = []
    talks: list[asyncio.Task[None]] = []
    failed = 0
    while failed < 2 and len(devices) < limit:
        for _ in range(step):
            device = Device(url)
            try:
                talks.append(await _join(device, packets, len(devices), 3600.0))
            except (OSError, httpx.HTTPError) as error:
                say(event="refused", sessions=len(devices), error=repr(error))
                failed = 2
                break
            devices.append(device)
        await asyncio.sleep(_SETTLE)
        begin, cpu = time.monotonic(), time.process_time()
        await asyncio.sleep(plateau)
        end = time.monotonic()
        late = _late(devices, begin, end)
        failed = failed + 1 if late >= 0.01 else 0
        load = (time.process_time() - cpu) / (end - begin)
        say(event="plateau", sessions=len(devices), late=late, client_load=load)
    await _leave(devices, talks)


async def loss(url: str, conditions: list[dict[str, Any]], speech: str) -> None:
    """One call for each condition, all at once; what came back is written to the condition's `out`."""
    pcm = _read(speech)
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
        await device.speak(packets[:_BIT], _BIT / _EXPECTED_PER_SECOND)
        await asyncio.sleep(1.0)
    await asyncio.sleep(_SETTLE)


async def _join(
    device: Device, packets: Sequence[bytes | None], index: int, seconds: float
) -> asyncio.Task[None]:
    await device.connect()
    await asyncio.sleep(_CONNECT_EVERY)
    return asyncio.create_task(device.speak(packets, seconds, offset=97 * index), name=f"talk-{index}")


async def _leave(devices: list[Device], talks: list[asyncio.Task[None]]) -> None:
    for talk in talks:
        talk.cancel()
    await asyncio.gather(*talks, return_exceptions=True)
    await asyncio.gather(*(device.close() for device in devices))


def _late(devices: list[Device], begin: float, end: float) -> float:
    """The fraction of the packets due that came over 20 ms later than the prompt ones, or not at all."""
    due = _EXPECTED_PER_SECOND * (end - begin) * len(devices)
    prompt = sum(_prompt([a for a in device.arrivals if begin <= a.when < end]) for device in devices)
    return float(max(0.0, 1 - prompt / due))


def _prompt(arrivals: list[Arrival]) -> int:
    if not arrivals:
        return 0
    first = arrivals[0].timestamp
    media = [((arrival.timestamp - first + 2**31) % 2**32 - 2**31) / 48_000 for arrival in arrivals]
    transit = np.array([arrival.when for arrival in arrivals]) - np.array(media)
    return int(np.count_nonzero(transit <= np.quantile(transit, 0.05) + _LATE))


def _payload(devices: list[Device], begin: float, end: float) -> float:
    sizes = [len(a.payload) for device in devices for a in device.arrivals if begin <= a.when < end]
    return float(np.mean(sizes)) if sizes else float("nan")


def _read(path: str) -> bytes:
    with wave.open(path) as file:
        return bytes(file.readframes(file.getnframes()))


if __name__ == "__main__":
    asyncio.run(main())
