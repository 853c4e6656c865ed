"""The ears of the calls of one process."""

from __future__ import annotations

from collections.abc import Container, Sequence

from gateway.media import wyoming_words
from gateway.media.ear import Around, Ear, OpenEar, WakingEar
from gateway.media.earshot import Earshot
from gateway.media.own import OwnWords
from gateway.media.words import Spotter, Word, find
from gateway.media.wyoming_words import RemoteSpotter, RemoteWord, Spotters
from gateway.sections import Wake
from gateway.settings import Settings


class Ears:
    """Gives each call its ear, by the settings of its device.

    Args:
        settings: the gateway's.

    Raises:
        ConfigError: a wake word that is set can't be heard.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._earshot = Earshot()
        for wake in (settings.wake, *settings.wakes.values()):
            self._words(wake)

    async def look(self) -> None:
        """Name in the log the words of servers that can't be heard now."""
        wakes = (self._settings.wake, *self._settings.wakes.values())
        words = {word for wake in wakes for word in self._words(wake) if isinstance(word, RemoteWord)}
        await wyoming_words.look(words)

    def _words(self, wake: Wake) -> list[Word | RemoteWord]:
        """What to listen for; the words that stop the bot as well, where there is anything to listen for."""
        if isinstance(wake, str):
            return []
        return [_find(word) for word in (*wake, *self._settings.attention.stop)]

    def of(self, device: str | None, around: Around) -> Ear:
        """The ear of a call with this device."""
        wake = self._settings.wakes.get(device or "", self._settings.wake)
        if wake == "always":
            return OpenEar(around.hand_on)
        words = self._words(wake)
        named = frozenset() if isinstance(wake, str) else frozenset(_find(word).name for word in wake)
        stops = frozenset(word.name for word in words) - named
        said = OwnWords(_spotter([word for word in words if isinstance(word, Word)]), self._earshot.clock)
        return WakingEar(_spotter(words), said, stops, self._settings.attention, around, self._earshot)


def _find(given: str) -> Word | RemoteWord:
    return wyoming_words.find(given) if wyoming_words.is_remote(given) else find(given)


def _spotter(words: Sequence[Word | RemoteWord]) -> Spotter:
    """What finds these words: the ones of each server are found there."""
    local = [word for word in words if isinstance(word, Word)]
    servers: dict[tuple[str, int], list[RemoteWord]] = {}
    for word in words:
        if isinstance(word, RemoteWord):
            servers.setdefault((word.host, word.port), []).append(word)
    found = [*([Spotter(local)] if local else []), *map(RemoteSpotter, servers.values())]
    if len(found) == 1:
        return found[0]
    return Spotters(found) if found else _Deaf()


class _Deaf(Spotter):
    """Knows no word: for a device that only its button wakes."""

    def __init__(self) -> None:
        self._models = []

    def heard(self, pcm: bytes, but: Container[str] = ()) -> set[str]:  # noqa: ARG002 -- a Spotter's
        return set()
