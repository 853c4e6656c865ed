"""Wake words that a server hears, over the Wyoming protocol: openWakeWord and its like, as people run them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from loguru import logger

from gateway.errors import ConfigError
from gateway.media.words import Spotter
from gateway.recurring import Recurring
from ground import installing

if TYPE_CHECKING:
    from wyoming.client import AsyncTcpClient

SCHEME: Final = "tcp://"
AGAIN_SECONDS: Final = 5.0
WRITE_SECONDS: Final = 5.0
"""After which a server that takes nothing more is given up: it may be a machine without power."""
_LEAVE_SECONDS: Final = 1.0
_WAITING: Final = 50
"""Frames of 20 ms that may wait for a server; what is older is not heard."""
_LOOK_SECONDS: Final = 3.0
_FORM: Final = {"rate": 16_000, "width": 2, "channels": 1}


@dataclass(frozen=True, slots=True)
class RemoteWord:
    """A word that a server knows: `model` by its own name for it, `name` as people say it."""

    name: str
    model: str
    host: str
    port: int


def is_remote(given: str) -> bool:
    """Whether a wake word of the settings is a server's."""
    return given.startswith(SCHEME)


def find(given: str) -> RemoteWord:
    """The word that a URL names, as `tcp://127.0.0.1:10400/ok_nabu`.

    Raises:
        ConfigError: it names none, or the client is not installed.
    """
    if find_spec("wyoming") is None:
        raise ConfigError(
            f"the wake word {given} can't be heard: wyoming is not installed",
            remedy=installing.line("wyoming>=1.8,<2"),
        )
    try:
        parts = urlsplit(given)
        host, port, model = parts.hostname, parts.port, unquote(parts.path.strip("/"))
    except ValueError:
        host = port = None
        model = ""
    if not host or not port or not model:
        raise ConfigError(
            f"{given} is no wake word of a server", remedy="such as tcp://127.0.0.1:10400/ok_nabu"
        )
    return RemoteWord(model.replace("_", " ").casefold(), model, host, port)


async def look(words: Iterable[RemoteWord]) -> None:
    """Name in the log each word that can't be heard now; calls try it again, and its device's button wakes it."""

    async def one(word: RemoteWord) -> None:
        at = f"{SCHEME}{word.host}:{word.port}"
        try:
            known = await asyncio.wait_for(_known(word), _LOOK_SECONDS)
        except Exception as error:  # noqa: BLE001 -- whatever it is that listens there, and says
            why = str(error) or type(error).__name__
            logger.warning(
                "the wake word {!r} can't be heard while {} does not answer: {}", word.name, at, why
            )
            return
        if any(name.startswith(word.model) for name in known):
            logger.info("the wake word {!r} is heard by {}", word.name, at)
            return
        others = ", ".join(sorted(known)[:20]) or "none at all"
        logger.warning("the wake word {!r} can't be heard: {} has {}", word.name, at, others)

    await asyncio.gather(*map(one, words))


async def _known(word: RemoteWord) -> set[str]:
    """The models of its server."""
    from wyoming.client import AsyncTcpClient  # noqa: PLC0415 -- an extra
    from wyoming.info import Describe, Info  # noqa: PLC0415

    async with AsyncTcpClient(word.host, word.port) as client:
        await client.write_event(Describe().event())
        while (event := await client.read_event()) is not None:
            if Info.is_type(event.type):
                return {model.name for program in Info.from_event(event).wake for model in program.models}
    return set()


class RemoteSpotter(Spotter):
    """Has one stream searched for words by a server, while there is one; to be made on a running loop.

    Args:
        words: of one server.
    """

    def __init__(self, words: Sequence[RemoteWord]) -> None:
        self._models = []
        self._words = words
        self._frames: deque[bytes] = deque(maxlen=_WAITING)
        self._came = asyncio.Event()
        self._found: set[str] = set()
        self._task = asyncio.create_task(self._run(), name=f"wake-{words[0].host}")

    def heard(self, pcm: bytes, but: Container[str] = ()) -> set[str]:
        """The words that the server has found since, which may be those of a moment ago."""
        self._frames.append(pcm)
        self._came.set()
        found, self._found = self._found, set()
        return {name for name in found if name not in but}

    def close(self) -> None:
        """Let go of the server."""
        self._task.cancel()

    async def _run(self) -> None:
        from wyoming.client import AsyncTcpClient  # noqa: PLC0415 -- an extra

        first = self._words[0]
        trouble = Recurring(f"the wake words of {SCHEME}{first.host}:{first.port} can't be heard")
        while True:
            client = AsyncTcpClient(first.host, first.port)
            try:
                await client.connect()
                trouble.over()
                await self._search(client)
                trouble.met("it has closed the connection")
            except Exception as error:  # noqa: BLE001 -- whatever it says: else its words were heard no more
                trouble.met(repr(error))
            finally:
                with contextlib.suppress(OSError):  # which a TimeoutError is
                    await asyncio.wait_for(client.disconnect(), _LEAVE_SECONDS)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _search(self, client: AsyncTcpClient) -> None:
        """Send what is heard, and note what is found, until the server closes."""
        from wyoming.audio import AudioStart  # noqa: PLC0415 -- an extra
        from wyoming.wake import Detect, Detection  # noqa: PLC0415

        await client.write_event(Detect(names=[word.model for word in self._words]).event())
        await client.write_event(AudioStart(**_FORM).event())

        async def note() -> None:
            while (event := await client.read_event()) is not None:
                if Detection.is_type(event.type):
                    self._note(str(Detection.from_event(event).name))

        both = [asyncio.create_task(note(), name="wake-note")]
        both.append(asyncio.create_task(self._send(client), name="wake-send"))
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _send(self, client: AsyncTcpClient) -> None:
        from wyoming.audio import AudioChunk  # noqa: PLC0415 -- an extra

        form: dict[str, Any] = _FORM
        while True:
            await self._came.wait()
            self._came.clear()
            pcm = b"".join(self._frames)
            self._frames.clear()
            async with asyncio.timeout(WRITE_SECONDS):
                await client.write_event(AudioChunk(audio=pcm, **form).event())

    def _note(self, name: str) -> None:
        """Servers name a model with its version; where none fits, it is of the first that was asked for."""
        fits = [word for word in self._words if name.startswith(word.model)]
        self._found.add((fits or list(self._words))[0].name)


class Spotters(Spotter):
    """Several, for one stream."""

    def __init__(self, spotters: Sequence[Spotter]) -> None:
        self._models = []
        self._spotters = spotters

    def heard(self, pcm: bytes, but: Container[str] = ()) -> set[str]:
        """The words that any of them finds."""
        return {word for spotter in self._spotters for word in spotter.heard(pcm, but)}

    def close(self) -> None:
        """Give all of them back."""
        for spotter in self._spotters:
            spotter.close()
