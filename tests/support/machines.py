"""Machines on one bridge, each a network namespace with an address of its own: NATS, fronts, hosts, devices."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.support import lan
from tests.support.gateway import GatewayProcess, client, serving, spawn, voicegw, write_settings
from tests.support.peer import Peer, gathering_on
from tests.support.waiting import eventually, until

NET = "10.77.0"
HERE = f"{NET}.1"
"""The tests' own address on the bridge."""
NATS_PORT = 4222
WHY_NOT = "needs root, iproute2 and nats-server (apt-get install nats-server), and nats-py (voicegw[hosts])"
STOP, GO_ON = signal.SIGSTOP, signal.SIGCONT
_CLONE_NEWNET = 0x40000000  # linux/sched.h; Python has it from 3.12 on


def possible() -> bool:
    """Whether they can be made here."""
    with contextlib.suppress(ImportError):
        import nats  # noqa: F401, PLC0415 -- an extra

        return bool(shutil.which("nats-server")) and lan.possible()
    return False


@dataclass
class Machine:
    """One; what runs on it can be killed, stopped for a while, or cut off from another."""

    name: str
    address: str

    @property
    def prefix(self) -> list[str]:
        """What to put before a command that shall run there."""
        return ["ip", "netns", "exec", self.name]

    def pids(self) -> list[int]:
        """All that runs there."""
        return [int(pid) for pid in lan.ip("netns", "pids", self.name).split()]

    def signal(self, number: signal.Signals) -> None:
        """Send all that runs there a signal."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def die(self) -> None:
        """As when its plug is pulled: nothing runs there, and nothing says that it has ended."""
        lan.ip("-n", self.name, "link", "set", "eth0", "down")
        self.signal(signal.SIGKILL)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Have nothing run there meanwhile."""
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    @contextlib.contextmanager
    def cut_off_from(self, other: Machine) -> Iterator[None]:
        """Let nothing of it reach another meanwhile."""
        lan.ip("-n", self.name, "route", "add", "blackhole", other.address)
        try:
            yield
        finally:
            lan.ip("-n", self.name, "route", "del", "blackhole", other.address)


@dataclass
class Bridge:
    """The network."""

    made: list[Machine] = field(default_factory=list)

    def machine(self) -> Machine:
        """One more."""
        number = len(self.made) + 2
        made = Machine(f"voicegw-{os.getpid()}-{number}", f"{NET}.{number}")
        lan.ip("netns", "add", made.name)
        self.made.append(made)
        link = f"m{number}"
        lan.ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", made.name)
        lan.ip("link", "set", link, "master", "bridge", "up")
        for arguments in (
            ("link", "set", "lo", "up"),
            ("address", "add", f"{made.address}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("route", "add", "default", "via", HERE),
        ):
            lan.ip("-n", made.name, *arguments)
        return made


@contextlib.contextmanager
def bridge() -> Iterator[Bridge]:
    """Make it for the length of the block, in which this thread is on it and on no other network."""
    libc = ctypes.CDLL(None, use_errno=True)
    made = Bridge()
    with Path("/proc/thread-self/ns/net").open() as before:
        if libc.unshare(_CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        try:
            lan.ip("link", "set", "lo", "up")
            lan.ip("link", "add", "bridge", "type", "bridge")
            lan.ip("address", "add", f"{HERE}/24", "dev", "bridge")
            lan.ip("link", "set", "bridge", "up")
            yield made
        finally:
            for machine in made.made:
                machine.signal(signal.SIGCONT)
                machine.signal(signal.SIGKILL)
                lan.ip("netns", "delete", machine.name)
            if libc.setns(before.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")


@dataclass
class Nats:
    """A `nats-server` on a machine of its own."""

    machine: Machine
    directory: Path
    config: Path | None = None
    more: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"{'nats' if self.config is None else 'tls'}://{self.machine.address}:{NATS_PORT}"

    def start(self) -> None:
        """Start it, with what it kept."""
        self.directory.mkdir(parents=True, exist_ok=True)
        config = self.config or self.directory / "nats-server.conf"
        if self.config is None:
            store = json.dumps(str(self.directory / "store"))
            config.write_text(f'ping_interval: "1s"\nping_max: 2\njetstream {{ store_dir: {store} }}\n')
        own = ["-c", str(config), "--addr", self.machine.address]
        with (self.directory / "nats.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.machine.prefix, "nats-server", *own, *self.more],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def ready(self) -> None:
        """Wait until it listens."""

        async def listens() -> bool:
            try:
                _, writer = await asyncio.open_connection(self.machine.address, NATS_PORT)
            except OSError:
                return False
            writer.close()
            return True

        await eventually(listens, "nats-server listens")

    def stop(self) -> None:
        """Stop it, as its restart would."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(20)


@dataclass
class HostProcess:
    """A running `voicegw host`."""

    machine: Machine
    directory: Path
    process: subprocess.Popen[bytes]
    name: str
    instance: str

    def log(self) -> str:
        return (self.directory / "gateway.log").read_text(errors="replace")


@contextlib.asynccontextmanager
async def hosting(
    machine: Machine, directory: Path, nats: str, settings: Mapping[str, Any] | None = None, *arguments: str
) -> AsyncIterator[HostProcess]:
    """Run a host on a machine for the length of the block."""
    directory.mkdir(parents=True, exist_ok=True)
    config = write_settings(directory, {"name": machine.name.rpartition("-")[2], **(settings or {})})
    process = spawn(
        directory,
        ["host", "--nats", nats, "--json", "--config", str(config), *arguments],
        prefix=machine.prefix,
    )
    try:
        out = directory / "out"
        await until(lambda: b"\n" in out.read_bytes() or process.poll() is not None, "the host takes calls")
        text = out.read_text()
        assert "\n" in text, (directory / "gateway.log").read_text()
        told = json.loads(text.splitlines()[0])
        yield HostProcess(machine, directory, process, told["host"], told["instance"])
    finally:
        if process.poll() is None:
            machine.signal(signal.SIGCONT)
            process.terminate()
            await until(lambda: process.poll() is not None, "the host has ended")


FRONT: dict[str, Any] = {"bot": "echo", "limits": {"offers_per_minute": 6_000}}


def write_front(directory: Path, nats: str, name: str, settings: Mapping[str, Any] | None = None) -> None:
    """The settings of a front that runs later."""
    directory.mkdir(parents=True, exist_ok=True)
    write_settings(directory, {**FRONT, "nats": {"urls": [nats]}, "name": name, **(settings or {})})


@contextlib.asynccontextmanager
async def fronting(
    machine: Machine, directory: Path, nats: str, settings: Mapping[str, Any] | None = None
) -> AsyncIterator[GatewayProcess]:
    """Run a front on a machine for the length of the block; its URL is its address's."""
    name = machine.name.rpartition("-")[2]
    own = {**FRONT, "nats": {"urls": [nats]}, "name": f"front-{name}", **(settings or {})}
    async with serving(directory, own, host="::", prefix=machine.prefix) as found:
        found.url = f"https://{machine.address}:{found.port}"
        _MACHINES[found.pid] = machine
        yield found


_MACHINES: dict[int, Machine] = {}


def machine_of(front: GatewayProcess) -> Machine:
    """Where a front runs."""
    return _MACHINES[front.pid]


async def enrol(front: GatewayProcess, name: str, *, role: str = "device") -> str:
    """Give a device a key, at one front; gives that."""
    config = str(front.directory / "voicegw.toml")
    done = await asyncio.to_thread(
        voicegw, "devices", "--config", config, "add", name, "--role", role, "--json"
    )
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["key"])


async def revoke(front: GatewayProcess, name: str) -> None:
    """Let it in no more, at one front."""
    config = str(front.directory / "voicegw.toml")
    done = await asyncio.to_thread(voicegw, "devices", "--config", config, "revoke", name)
    assert done.returncode == 0, done.stderr


async def state(front: GatewayProcess, key: str) -> dict[str, Any]:
    """What a front's page shows to an operator."""
    async with client(front.url, key=key) as http:
        found: dict[str, Any] = (await http.get("/api/state")).raise_for_status().json()
    return found


async def hosts_there(front: GatewayProcess, count: int) -> None:
    """Wait until a front knows of so many hosts that answer."""

    async def there() -> bool:
        async with client(front.url) as http:
            found = await http.get("/healthz")
        return found.status_code == 200 and sum(h["ready"] for h in found.json()["workers"]) == count

    await eventually(there, f"{count} hosts are there")


def calling_from_here(front: GatewayProcess, key: str, **options: Any) -> Peer:
    """A peer of the tests' own that talks to a front."""
    return Peer(front.url, key=key, gather=partial(gathering_on, HERE), **options)
