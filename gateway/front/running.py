"""The gateway while it runs: all its parts, started and stopped in order."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from loguru import logger

from gateway import __version__
from gateway.environment import api_keys, otel
from gateway.errors import NotFound
from gateway.front import announcing, discovery
from gateway.front.access import Proxies, names_of
from gateway.front.certificates import Certificates, identity
from gateway.front.challenge import Challenges
from gateway.front.identity import instance_id
from gateway.front.lines import Lines
from gateway.front.memory import Memory
from gateway.front.memory_book import MemoryBook
from gateway.front.mqtt import HomeAssistantDevices
from gateway.front.old_firmware import OldFirmware
from gateway.front.operators import Operators, own_secret
from gateway.front.origins import Origins
from gateway.front.phone import Phone
from gateway.front.places.hosts import Hosts
from gateway.front.places.place import Places
from gateway.front.places.workers import Workers
from gateway.front.promise_book import PromiseBook
from gateway.front.promises import Promises
from gateway.front.registry import Registry, open_registry
from gateway.front.registry_file import StorageError
from gateway.front.releases import Release, Releases, is_newer
from gateway.front.rollout import Course, Rollout, Rollouts
from gateway.front.shared.joined import Joined, joined
from gateway.front.shared.others import Others
from gateway.front.switchboard import Switchboard
from gateway.front.telemetry import Telemetry
from gateway.front.tools import Tools
from gateway.front.uploads import Uploads
from gateway.ice_servers import IceServer
from gateway.rate import Buckets
from gateway.recurring import Recurring
from gateway.settings import Settings
from gateway.wire.calls import SessionEvent

REVOCATION_SECONDS = 2.0
MAX_ON_LAN = 256
"""Devices that only mDNS knows: more than a home has."""
MAX_TEXTS, MAX_TEXT = 8, 64
"""Of what each says of itself; a device of ours says five things, of at most 48 bytes."""


@dataclass
class Gateway:
    """The parts, wired."""

    settings: Settings
    registry: Registry
    telemetry: Telemetry
    workers: Places
    switchboard: Switchboard
    releases: Releases
    certificates: Certificates
    instance_id: str
    operators: Operators
    promises: Promises
    tools: Tools
    memory: Memory
    phone: Phone | None
    lines: Lines
    uploads: Uploads | None
    old_firmware: OldFirmware = field(init=False)
    rollouts: Rollouts = field(init=False)
    challenges: Challenges = field(default_factory=Challenges)
    proxies: Proxies = field(init=False)
    origins: Origins = field(init=False)

    on_lan: dict[str, discovery.Found] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.old_firmware = OldFirmware(self.registry)
        self.proxies = Proxies(self.settings.trusted_proxies)
        self.origins = Origins(self.settings.allowed_origins)
        self.rollouts = Rollouts(self.telemetry.listening, self.telemetry.publish)

    @property
    def names(self) -> frozenset[str]:
        """What it is called in URLs, beside its addresses."""
        on_phone = {self.phone.host} if self.phone is not None else set()
        return names_of(self.settings, self.instance_id) | frozenset(self.certificates.names) | on_phone

    def stop_accepting(self) -> None:
        """Refuse offers from now on, and let the pages go."""
        self.switchboard.stopping = True
        self.telemetry.stop()

    async def describe(self) -> dict[str, Any]:
        """The body of `/api/state` (docs/protocol.md)."""
        return {
            "version": __version__,
            "uptime_s": round(time.time() - self.telemetry.started_at, 1),
            "open": self.settings.open,
            "identity": self.certificates.identity.pin,
            "sessions": list(self.telemetry.sessions.values()),
            "devices": await self.describe_devices(),
            "turns": list(self.telemetry.turns),
            "transcripts": list(self.telemetry.transcripts),
            "tools": list(self.telemetry.tools),
            "services": self.telemetry.costs.describe(),
            "reports": list(self.telemetry.reports),
            "hosts": self.workers.state() if self.settings.nats is not None else [],
            "rollout": self.rollouts.now.describe() if self.rollouts.now else None,
        }

    async def update(self, device: str, version: str | None, *, older: bool = False) -> Release:
        """Tell a device to take a release over the air; without a version the newest for its board.

        `older` has it taken though it be older than what the device runs.

        Raises:
            NotFound: it is in no call, or there is no such release.
        """
        release = self.releases.find(self.switchboard.board_of(device), version)
        app = release.image(release.app)
        path = f"/api/firmware/{release.board}/{release.version}/{app.path}"
        path = f"{path}?ticket={self.challenges.ticket(path)}"
        await self.switchboard.command(device, "update", release.command(path, older=older))
        return release

    async def roll_out(self, names: list[str] | None, version: str | None, *, older: bool = False) -> Rollout:
        """Bring firmware to devices, one after the other; without names to all in a call that run something else.

        Raises:
            NotFound: one of them is in no call, or there is no such release; nobody needs any. Conflict: one is
                under way.
        """
        fw = {d.name: d.fw for d in await self.registry.all()}
        courses = self._courses(names, version, fw) if names is not None else self._all_courses(version, fw)
        if not courses:
            raise NotFound(
                "no device that is in a call needs an update",
                remedy="put newer releases below the setting `releases`, or name a device",
            )

        async def tell(course: Course) -> None:
            await self.update(course.device, course.version, older=older)

        return self.rollouts.start(courses, tell)

    def _courses(
        self, names: Iterable[str], version: str | None, fw: Mapping[str, str | None]
    ) -> list[Course]:
        boards = {name: self.switchboard.board_of(name) for name in names}
        return [
            Course(name, self.releases.find(board, version).version, fw.get(name))
            for name, board in boards.items()
        ]

    def _all_courses(self, version: str | None, fw: Mapping[str, str | None]) -> list[Course]:
        found = []
        for name in sorted(self.switchboard.devices_live()):
            with contextlib.suppress(NotFound):  # what it is nobody knows, or there is nothing for it
                found += self._courses([name], version, fw)
        return [c for c in found if c.before != c.version and (version or is_newer(c.version, c.before))]

    async def describe_devices(self) -> list[dict[str, Any]]:
        """Devices of the registry, then those that only mDNS knows."""
        live, shared = self.switchboard.devices_live(), self.switchboard.shared_keys.now()
        known = [
            {
                **asdict(d),
                "shared_by": [asdict(board) for board in shared.get(d.name, ())],
                "online": d.name in live,  # what mDNS says of it anyone can say
                "revoked": d.revoked_at is not None,
                "known": True,
            }
            for d in await self.registry.all()
        ]
        names = {d["name"] for d in known}
        return known + [stranger(f, live) for name, f in self.on_lan.items() if name not in names]


def heard(found: discovery.Found) -> discovery.Found:
    """What was announced, as it can be shown: anyone on the network can announce anything, at any length."""
    texts = list(found.properties.items())[:MAX_TEXTS]
    return discovery.Found(
        _shown(found.name), found.address, found.port, {_shown(k): _shown(v) for k, v in texts}
    )


def _shown(text: str) -> str:
    return "".join(filter(str.isprintable, text))[:MAX_TEXT]


def stranger(found: discovery.Found, live: set[str]) -> dict[str, Any]:
    """A device that mDNS sees and the registry does not know."""
    return {
        "id": found.properties.get("id", found.name),
        "name": found.name,
        "role": "device",
        "online": True,
        "last_seen": None,
        "board": found.properties.get("board"),
        "fw": found.properties.get("fw"),
        "address": found.address,
        "revoked": False,
        "shared_by": [],
        "known": found.name in live,
    }


@asynccontextmanager
async def running(
    settings: Settings, *, port: int, lan: Callable[[], list[str]] | None = None
) -> AsyncIterator[Gateway]:
    """Start every part, and stop them all at the end of the block.

    Args:
        settings: the gateway's.
        port: of the HTTP server, for the announcement.
        lan: gives the addresses to announce, as they are at the time; without it nothing is announced.

    Raises:
        ConfigError: a setting that cannot work.
    """
    async with open_registry(settings.data_dir) as registry:
        if settings.nats is None:
            async with _running(settings, registry, None, port, lan) as gateway:
                yield gateway
            return
        async with (
            joined(settings, settings.nats, registry) as shared,
            _running(settings, shared.registry, shared, port, lan) as gateway,
        ):
            yield gateway


@asynccontextmanager
async def _running(
    settings: Settings,
    registry: Registry,
    shared: Joined | None,
    port: int,
    lan: Callable[[], list[str]] | None,
) -> AsyncIterator[Gateway]:
    telemetry = Telemetry(otel())

    def take(number: int, event: SessionEvent) -> None:
        switchboard.take(event)
        promises.take(event)
        tools.take(event)
        memory.take(event)
        lines.take(event)
        if uploads is not None:
            uploads.take(event)
        if event.kind not in {"said", "ask", "line"}:
            telemetry.take(number, event)

    workers: Places = Workers(settings, take)
    reserved, order, book, challenges = None, None, None, Challenges()
    if shared is not None:
        workers = Hosts(settings, shared.bus, take, lambda call: switchboard.adopt(call))  # noqa: PLW0108 -- made below
        reserved, order, book, challenges = (
            shared.reserved,
            shared.clock.order,
            shared.book,
            shared.challenges,
        )
    phone = Phone(settings.phone) if settings.phone is not None else None
    lines = Lines(workers)
    folder = settings.uploads_folder
    uploads = None if folder is None else Uploads(folder, settings.uploads_folder_max_files)
    switchboard = Switchboard(settings, registry, workers, telemetry, reserved, order)
    promises = Promises(book or PromiseBook(registry.store), switchboard, telemetry.publish)
    memory = Memory(settings, MemoryBook(registry.store), telemetry.publish)
    tools = Tools(settings, registry, switchboard, promises, memory)
    if shared is not None:
        shared.book.changed = promises.changed
    await promises.load()

    who = instance_id(settings)
    gateway = Gateway(
        settings,
        registry,
        telemetry,
        workers,
        switchboard,
        Releases(settings.releases),
        Certificates(settings, identity(settings.data_dir, who)),
        who,
        Operators(own_secret(settings.data_dir)),
        promises,
        tools,
        memory,
        phone,
        lines,
        uploads,
        challenges=challenges,
    )
    for call in await workers.adopt():
        switchboard.adopt(call)
    await workers.start()
    switchboard.neighbours.relays = await _addresses_of(settings.ice_servers)
    chores = _chores(gateway, shared)
    if settings.announce and lan is not None:
        chores += _start_discovery(gateway, port, lan)
    try:
        yield gateway
    finally:
        await _stop(gateway, chores)


async def _stop(gateway: Gateway, chores: list[asyncio.Task[None]]) -> None:
    gateway.stop_accepting()
    for chore in chores:
        chore.cancel()
    await asyncio.gather(*chores, return_exceptions=True)
    await gateway.rollouts.stop()
    await gateway.workers.stop()
    await gateway.telemetry.close()


def _chores(gateway: Gateway, shared: Joined | None) -> list[asyncio.Task[None]]:
    """What goes on beside the requests."""
    stirred = asyncio.Event()
    work = {
        "keys": _look_after_keys(gateway.switchboard, stirred),
        "promises": gateway.promises.run(),
        "memory": gateway.memory.run(),
    }
    if (shown := _in_home_assistant(gateway)) is not None:
        work["mqtt"] = shown.run()
    if shared is not None:
        gateway.telemetry.tell = shared.telling.tell
        work["others"] = Others(shared, gateway.telemetry.show, stirred.set).run()
    return [asyncio.create_task(coroutine, name=name) for name, coroutine in work.items()]


def _in_home_assistant(gateway: Gateway) -> HomeAssistantDevices | None:
    if gateway.settings.mqtt is None:
        return None
    return HomeAssistantDevices(
        gateway.settings.mqtt,
        api_keys(),
        gateway_id=gateway.instance_id,
        registry=gateway.registry,
        switchboard=gateway.switchboard,
        telemetry=gateway.telemetry,
        promises=gateway.promises,
        tools=gateway.tools,
    )


async def _addresses_of(servers: Iterable[IceServer]) -> frozenset[IPv4Address | IPv6Address]:
    """Of those that relay, as they are now."""
    found: set[IPv4Address | IPv6Address] = set()
    for host in {host for server in servers for host in server.relays}:
        try:
            told = await asyncio.get_running_loop().getaddrinfo(host, None)
        except OSError as error:
            logger.warning("TURN server {} has no address: {}", host, error)
        else:
            found |= {ip_address(str(address[0]).partition("%")[0]) for *_, address in told}
    return frozenset(found)


async def _look_after_keys(switchboard: Switchboard, stirred: asyncio.Event | None = None) -> None:
    """Every now and then, for a command may have changed the file; at once where another front says so."""
    trouble = Recurring("calls of revoked devices could not be ended", level="ERROR")
    stirred = stirred or asyncio.Event()
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stirred.wait(), REVOCATION_SECONDS)
        stirred.clear()
        try:
            await switchboard.end_revoked()
            trouble.over()
            switchboard.shared_keys.tidy()
        except StorageError as error:
            trouble.met(error.message)
        except Exception as error:  # noqa: BLE001 -- whatever it was: from here on revoking would do nothing
            trouble.met(repr(error), error)


def _start_discovery(
    gateway: Gateway, port: int, addresses: Callable[[], list[str]]
) -> list[asyncio.Task[None]]:
    settings = gateway.settings
    announcer = discovery.Announcer(
        name=settings.name,
        instance_id=gateway.instance_id,
        pin=gateway.certificates.identity.pin,
        port=port,
        addresses=addresses,
        load=lambda: gateway.workers.load,
        front=secrets.token_hex(3) if settings.nats is not None else "",
    )
    return [
        asyncio.create_task(announcer.run(), name="announce"),
        asyncio.create_task(_browse(gateway, addresses), name="browse"),
    ]


async def _browse(gateway: Gateway, addresses: Callable[[], list[str]]) -> None:
    """Hear of devices, on the addresses that the machine has at the time: Wi-Fi may come up later than we do."""

    def changed(name: str, found: discovery.Found | None) -> None:
        if found is None:
            gateway.on_lan.pop(name, None)
            return
        if name not in gateway.on_lan and len(gateway.on_lan) >= MAX_ON_LAN:
            crowd.met(f"there are {MAX_ON_LAN}")
            return
        gateway.on_lan[name] = heard(found)
        if not told.take("device"):
            event = stranger(gateway.on_lan[name], gateway.switchboard.devices_live())
            gateway.telemetry.publish("device", event)

    trouble = Recurring("devices cannot be heard of by mDNS")
    crowd = Recurring("more devices announce themselves than are shown", and_now="the others are left out")
    told = Buckets(MAX_ON_LAN / 4, 10)
    while True:
        try:
            if current := addresses():
                async with discovery.browse(discovery.DEVICE_TYPE, changed, current):
                    trouble.over()
                    while addresses() == current:  # noqa: ASYNC110 -- the system tells of no change
                        await asyncio.sleep(discovery.REFRESH_SECONDS)
                gateway.on_lan.clear()
        except announcing.FAULTS as error:
            trouble.met(announcing.cause(error))
        await asyncio.sleep(discovery.REFRESH_SECONDS)
