"""What fronts share: a bucket of JetStream's key-value store, a copy of it here, and word of each change.

The copy is made anew each time that NATS is there again, so it is right however long that was away, or was another
with nothing in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from gateway.bus import crossing
from gateway.bus.connection import Away, Bus
from gateway.errors import Conflict, GatewayError
from gateway.recurring import Recurring

AGAIN_SECONDS: Final = 0.5
MAX_VALUE: Final = 128 * 1024
MARK_SECONDS: Final = 60.0
"""For all to hear that an entry was taken away: NATS keeps a mark of that, and for ever unless it is told not to."""
MOST_SWEPT: Final = 4
"""Marks that go with each entry that is taken away: those that others have left behind go in time too."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands under a key: `body` is `None` where it was taken away."""

    key: str
    body: dict[str, Any] | None
    revision: int
    at: float = 0.0
    """By NATS's clock, Unix seconds."""
    news: bool = False
    """It has come to stand there just now."""


class Shelf:
    """One bucket.

    Args:
        bus: that NATS is reached by.
        name: the bucket's.
        changed: is given each entry, those that are there at first too.
        seconds: after which an entry goes by itself; 0 for never.
        whole: awaited each time that all that is there has been given to `changed`.
        keys: which are copied and told of, as a subject of NATS; `None` for none. NATS says nothing of those that
            are over after `seconds`: a copy of many would grow for as long as the connection holds.
    """

    def __init__(  # noqa: PLR0913 -- what each of them is for
        self,
        bus: Bus,
        name: str,
        *,
        changed: Callable[[Entry], None] | None = None,
        seconds: float = 0,
        whole: Callable[[], Awaitable[None]] | None = None,
        keys: str | None = ">",
    ) -> None:
        self._bus, self._name, self._seconds, self._keys = bus, name, seconds, keys
        self._changed, self._whole = changed, whole
        self._store: Any = None
        self._task: asyncio.Task[None] | None = None
        self._again = asyncio.Event()
        self._refused = Recurring(
            f"NATS keeps nothing new of what fronts share ({name})",
            level="ERROR",
            and_now="look at its disk, and at its log",
        )
        self._marks: deque[tuple[float, str]] = deque()
        """Keys of what was taken away, and since when that is known here."""
        self.entries: dict[str, Entry] = {}
        self.is_whole = asyncio.Event()
        self.created_at = 0.0
        """When NATS made the bucket: one that lost its disk makes another."""

    def begin(self) -> None:
        """Follow it from now on."""
        self._bus.when_back(self._again.set)
        self._task = asyncio.create_task(self._run(), name=f"shelf-{self._name}")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # -- what is asked of it

    async def put(self, key: str, body: dict[str, Any]) -> int:
        """Set it, whatever stands there; gives the revision. Raises Away."""
        return int(await self._do("put", key, _packed(body)))

    async def create(self, key: str, body: dict[str, Any]) -> int:
        """Set it where nothing stands; raises Conflict where something does. Away."""
        return int(await self._do("create", key, _packed(body)))

    async def update(self, key: str, body: dict[str, Any], revision: int) -> int:
        """Set it where this revision stands; raises as `create` does."""
        return int(await self._do("update", key, _packed(body), revision))

    async def remove(self, key: str) -> None:
        """Take it away; raises Away."""
        await self._do("delete", key)
        if not self._seconds:
            self._marks.append((time.monotonic(), key))
            await self._sweep()

    async def _sweep(self) -> None:
        import nats.errors  # noqa: PLC0415

        over = time.monotonic() - MARK_SECONDS
        for _ in range(MOST_SWEPT):
            if not self._marks or self._marks[0][0] > over:
                break
            if (key := self._marks.popleft()[1]) not in self.entries:
                with contextlib.suppress(nats.errors.Error, OSError):  # it stays until this is followed anew
                    await self._bus.jetstream.purge_stream(
                        f"KV_{self._name}", subject=f"$KV.{self._name}.{key}"
                    )

    async def get(self, key: str) -> Entry | None:
        """What stands there now; raises Away."""
        import nats.js.errors  # noqa: PLC0415 -- an extra

        try:
            found = await self._do("get", key)
        except nats.js.errors.KeyNotFoundError:
            return None
        return Entry(key, crossing.unpack(found.value), found.revision)

    async def _do(self, what: str, *arguments: Any) -> Any:
        import nats.errors  # noqa: PLC0415
        import nats.js.errors  # noqa: PLC0415

        if not self._bus.here or self._store is None:
            raise Away(
                "NATS does not answer: nothing that is shared can be changed",
                remedy="try again when it is back",
            )
        try:
            found = await getattr(self._store, what)(*arguments)
        except nats.js.errors.KeyWrongLastSequenceError:
            raise Conflict("somebody else has changed it just now", remedy="look, and try again") from None
        except nats.js.errors.KeyNotFoundError:
            raise
        except nats.js.errors.APIError as error:
            self._refused.met(why := error.description or str(error))
            raise Away(f"NATS keeps nothing new: {why}", remedy="look at its disk, and at its log") from None
        except (nats.errors.Error, nats.js.errors.Error, OSError) as error:
            if isinstance(error, nats.js.errors.NoStreamResponseError):
                self._again.set()  # somebody has taken the bucket away
            raise Away(f"NATS: {error or type(error).__name__}", remedy="try again when it is back") from None
        self._refused.over()
        return found

    # -- the copy

    async def _run(self) -> None:
        trouble = Recurring(f"what fronts share ({self._name}) is not up to date", level="ERROR")
        while True:
            self._again.clear()
            following = asyncio.create_task(self._follow(trouble), name=f"watch-{self._name}")
            again = asyncio.create_task(self._again.wait())
            try:
                await asyncio.wait({following, again}, return_when=asyncio.FIRST_COMPLETED)
                if following.done() and (error := following.exception()) is not None and self._bus.here:
                    trouble.met(_why(error))
            finally:
                for task in (following, again):
                    task.cancel()
                await asyncio.gather(following, again, return_exceptions=True)
            if not self._again.is_set():
                await asyncio.sleep(AGAIN_SECONDS)

    async def _follow(self, trouble: Recurring) -> None:
        if not self._bus.here:
            await self._again.wait()
            return
        self._store = store = await self._opened()
        if self._keys is None:
            await self._is_copied(trouble)
            await self._again.wait()
            return
        self._marks.clear()
        watcher = await store.watch(self._keys)
        seen: set[str] | None = set()
        try:
            async for found in watcher:
                if found is None:
                    self._all_seen(seen or set())
                    seen = None
                    await self._is_copied(trouble)
                    continue
                if seen is not None:
                    seen.add(found.key)
                self._take(found, news=seen is None)
        finally:
            with contextlib.suppress(Exception):  # it is gone with the connection
                await watcher.stop()

    async def _is_copied(self, trouble: Recurring) -> None:
        if self._whole is not None:
            await self._whole()
        self.is_whole.set()
        trouble.over()

    async def _opened(self) -> Any:
        from nats.js.api import KeyValueConfig  # noqa: PLC0415 -- an extra
        from nats.js.errors import BucketNotFoundError  # noqa: PLC0415

        jetstream = self._bus.jetstream
        try:
            store = await jetstream.key_value(self._name)
        except BucketNotFoundError:
            config = KeyValueConfig(bucket=self._name, ttl=self._seconds or None, max_value_size=MAX_VALUE)
            store = await jetstream.create_key_value(config=config)
        created = (await store.status()).stream_info.created
        self.created_at = created.timestamp() if created is not None else 0.0
        return store

    def _take(self, found: Any, *, news: bool) -> None:
        at = found.created.timestamp() if found.created is not None else 0.0
        try:
            body = (
                None
                if found.operation in {"DEL", "PURGE"} or not found.value
                else crossing.unpack(found.value)
            )
        except GatewayError:
            return  # a later version's
        entry = Entry(found.key, body, found.revision, at, news)
        if body is None:
            self.entries.pop(entry.key, None)
            if not news and not self._seconds:
                self._marks.append((time.monotonic(), entry.key))
        else:
            self.entries[entry.key] = entry
        if self._changed is not None:
            self._changed(entry)

    def _all_seen(self, seen: set[str]) -> None:
        for key in self.entries.keys() - seen:
            del self.entries[key]
            if self._changed is not None:
                self._changed(Entry(key, None, 0))


def _packed(body: dict[str, Any]) -> bytes:
    return crossing.pack(body)


def _why(error: BaseException) -> str:
    import nats.js.errors  # noqa: PLC0415

    if isinstance(error, nats.js.errors.ServiceUnavailableError) and error.code is None:
        return "NATS keeps nothing: start it with JetStream (`jetstream { store_dir: … }`)"
    return str(error) or type(error).__name__
