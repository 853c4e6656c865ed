"""All that several fronts have in common, for one of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from gateway.bus import subjects
from gateway.bus.connection import Bus, connected
from gateway.errors import ConfigError
from gateway.front.registry import Registry
from gateway.front.registry_file import opened
from gateway.front.shared.clock import Clock
from gateway.front.shared.nonces import SharedChallenges
from gateway.front.shared.promises import SharedBook
from gateway.front.shared.registry import SharedRegistry
from gateway.front.shared.reserved import SharedReserved
from gateway.front.shared.telling import Telling
from gateway.sections import Nats
from gateway.settings import Settings


@dataclass(frozen=True, slots=True)
class Joined:
    """Its parts."""

    bus: Bus
    clock: Clock
    challenges: SharedChallenges
    book: SharedBook
    reserved: SharedReserved
    telling: Telling
    registry: SharedRegistry


def member(settings: Settings) -> str:
    """Who this front is on the bus."""
    assert settings.nats is not None
    user = settings.nats.user or f"front-{subjects.token(settings.name)}"
    if not user.startswith("front-"):
        raise ConfigError(
            f"setting nats.user: {user} is a host's", remedy="give this front its own: voicegw nats"
        )
    return user


@asynccontextmanager
async def joined(settings: Settings, nats: Nats, registry: Registry) -> AsyncIterator[Joined]:
    """Be one of the fronts for the length of the block; see `bus.connection.connected`.

    Args:
        settings: this front's.
        nats: where they meet.
        registry: its own copy of who may connect.
    """
    async with connected(nats, member(settings)) as bus, AsyncExitStack() as stack:
        clock = Clock(bus)
        made = Joined(
            bus,
            clock,
            SharedChallenges(bus, clock),
            SharedBook(bus, clock),
            SharedReserved(bus),
            Telling(bus),
            SharedRegistry(registry.store, bus),
        )
        for part in (clock, made.challenges, made.book, made.reserved, made.telling, made.registry):
            part.begin()
            stack.push_async_callback(part.close)
        yield made


@asynccontextmanager
async def registry_of(settings: Settings) -> AsyncIterator[Registry]:
    """Open the registry for a command, which changes what all fronts share.

    Raises:
        ConfigError: it can't be opened. Away: there is NATS, and it does not answer.
    """
    async with opened(settings.data_dir) as store:
        if settings.nats is None:
            yield Registry(store)
            return
        async with connected(settings.nats, member(settings)) as bus:
            registry = SharedRegistry(store, bus)
            registry.begin()
            try:
                await registry.whole()
                yield registry
            finally:
                await registry.close()
