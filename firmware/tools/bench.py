#!/usr/bin/env python3
"""Measure a release build of test/peer/interop.c against aiortc, and aiortc against itself beside it, on this machine.

    make -C firmware bench PYTHON=.venv/bin/python [OTHER="command args"]

Handshake: from the answer being set to DTLS being up at both ends, median of some calls. CPU: of the process
and per packet sent or received, with a tone both ways through Opus (Opus included; --silent leaves it out).
Memory: resident set at the end. OTHER is another client that speaks the protocol of interop.c on its standard
streams; it is measured in the same way.
"""

import asyncio
import os
import resource
import shlex
import statistics
import sys
import time

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

CALLS, SECONDS = 15, 5


class Remote:
    def __init__(self) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.connected = asyncio.Event()
        self.connection.on("connectionstatechange", self.note)

    def note(self) -> None:
        if self.connection.connectionState == "connected":
            self.connected.set()

    async def answer(self, offer: str) -> str:
        await self.connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        self.connection.addTrack(AudioStreamTrack())
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        return self.connection.localDescription.sdp


class Client:
    def __init__(self, command: list[str]) -> None:
        self.command = command

    async def line(self, prefix: str) -> str:
        while True:
            raw = await asyncio.wait_for(self.process.stdout.readline(), 15)
            if not raw:
                raise SystemExit(f"{self.command[0]} ended")
            if raw.decode().startswith(prefix):
                return raw.decode().removeprefix(prefix).strip()

    async def call(self, seconds: float) -> tuple[float, dict[str, int]]:
        pipe = asyncio.subprocess.PIPE
        self.process = await asyncio.create_subprocess_exec(*self.command, stdin=pipe, stdout=pipe, limit=1 << 20)
        remote = Remote()
        answer = await remote.answer((await self.line("offer ")).replace("\\n", "\r\n"))
        start = time.perf_counter()
        self.process.stdin.write(f"answer {answer}\n".replace("\r\n", "\\n").encode())
        await self.line("event connected")
        await remote.connected.wait()
        took = time.perf_counter() - start
        before = await self.stats()
        await asyncio.sleep(seconds)
        after = await self.stats()
        self.process.stdin.write(b"close\n")
        await self.process.wait()
        await remote.connection.close()
        return took, {key: after[key] - (0 if key == "rss_kb" else before[key]) for key in after}

    async def stats(self) -> dict[str, int]:
        self.process.stdin.write(b"stats\n")
        return {k: int(v) for k, v in (pair.split("=") for pair in (await self.line("stats ")).split())}


async def measure(name: str, command: list[str]) -> None:
    client = Client(command)
    took = [(await client.call(0))[0] for _ in range(CALLS)]
    _, use = await client.call(SECONDS)
    packets = use["sent"] + use["received"]
    print(
        f"{name:<28} handshake {statistics.median(took) * 1e3:6.1f} ms (worst {max(took) * 1e3:.1f}), "
        f"{use['cpu_us'] / SECONDS / 1e4:5.2f} % CPU, {use['cpu_us'] / max(packets, 1):6.1f} us/packet, "
        f"{use['rss_kb'] / 1024:5.1f} MB"
    )


async def measure_aiortc() -> None:
    """The baseline: aiortc calling aiortc, both in this process, so the CPU is halved."""
    took = []
    for number in range(CALLS + 1):
        near, far = Remote(), Remote()
        near.connection.addTrack(AudioStreamTrack())
        near.connection.createDataChannel("x")
        await near.connection.setLocalDescription(await near.connection.createOffer())
        answer = RTCSessionDescription(await far.answer(near.connection.localDescription.sdp), "answer")
        start = time.perf_counter()
        await near.connection.setRemoteDescription(answer)
        await near.connected.wait()
        await far.connected.wait()
        took.append(time.perf_counter() - start)
        if number == CALLS:
            before = time.process_time()
            await asyncio.sleep(SECONDS)
            cpu = (time.process_time() - before) / 2
        await near.connection.close()
        await far.connection.close()
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{'aiortc (baseline)':<28} handshake {statistics.median(took) * 1e3:6.1f} ms (worst {max(took) * 1e3:.1f}), "
        f"{cpu / SECONDS * 100:5.2f} % CPU, {cpu * 1e6 / (SECONDS * 100):6.1f} us/packet, {rss:5.1f} MB"
    )


async def main() -> None:
    program = sys.argv[1]
    await measure("peer", [program, "--silent"])
    await measure("peer with Opus and a tone", [program, "--tone", "440"])
    if other := os.environ.get("OTHER"):
        await measure("other", shlex.split(other))
    await measure_aiortc()


if __name__ == "__main__":
    asyncio.run(main())
