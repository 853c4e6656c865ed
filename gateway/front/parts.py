"""The parts of a gateway, wired: who tells whom."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gateway import __version__
from gateway.environment import otel
from gateway.errors import NotFound
from gateway.front import discovery
from gateway.front.access import Proxies, names_of
from gateway.front.certificates import Certificates, identity
from gateway.front.challenge import Challenges
from gateway.front.identity import instance_id
from gateway.front.lines import Lines
from gateway.front.memory import Memory
from gateway.front.memory_book import MemoryBook
from gateway.front.old_firmware import OldFirmware
from gateway.front.operators import Operators, own_secret
from gateway.front.origins import Origins
from gateway.front.phone import Phone
from gateway.front.places.hosts import Hosts
from gateway.front.places.place import Places
from gateway.front.places.seals import Seals
from gateway.front.places.workers import Workers
from gateway.front.promise_book import PromiseBook
from gateway.front.promises import Promises
from gateway.front.registry import Registry
from gateway.front.releases import Release, Releases, is_newer
from gateway.front.rollout import Course, Rollout, Rollouts
from gateway.front.shared.joined import Joined
from gateway.front.switchboard import Switchboard
from gateway.front.telemetry import Telemetry
from gateway.front.tools import Tools
from gateway.front.uploads import Uploads
from gateway.settings import Settings
from gateway.wire.calls import SessionEvent

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


def assembled(settings: Settings, registry: Registry, shared: Joined | None) -> Gateway:
    """All parts, none of them started.

    Args:
        settings: the gateway's.
        registry: what it keeps.
        shared: what it shares with other fronts, where there are several.
    """
    telemetry = Telemetry(otel())

    def take(number: int, event: SessionEvent) -> None:
        for part in (switchboard, promises, tools, memory, lines, uploads):
            if part is not None:
                part.take(event)
        if event.kind not in {"said", "ask", "line"}:
            telemetry.take(number, event)

    workers: Places = (
        Workers(settings, take)
        if shared is None
        else Hosts(
            settings,
            shared.bus,
            take,
            lambda call: switchboard.adopt(call),  # noqa: PLW0108 -- made below
            shared.clock.order,
            Seals(shared.challenges.mark),
        )
    )
    lines = Lines(workers)
    folder = settings.uploads_folder
    uploads = None if folder is None else Uploads(folder, settings.uploads_folder_max_files)
    switchboard = Switchboard(
        settings, registry, workers, telemetry, None if shared is None else shared.reserved
    )
    book = PromiseBook(registry.store) if shared is None else shared.book
    promises = Promises(book, switchboard, telemetry.publish)
    if shared is not None:
        shared.book.changed = promises.changed
    memory = Memory(settings, MemoryBook(registry.store), telemetry.publish)
    tools = Tools(settings, registry, switchboard, promises, memory)
    who = instance_id(settings)
    return Gateway(
        settings=settings,
        registry=registry,
        telemetry=telemetry,
        workers=workers,
        switchboard=switchboard,
        releases=Releases(settings.releases),
        certificates=Certificates(settings, identity(settings.data_dir, who)),
        instance_id=who,
        operators=Operators(own_secret(settings.data_dir)),
        promises=promises,
        tools=tools,
        memory=memory,
        phone=None if settings.phone is None else Phone(settings.phone),
        lines=lines,
        uploads=uploads,
        challenges=Challenges() if shared is None else shared.challenges,
    )
