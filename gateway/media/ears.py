"""The ears of the calls of one process."""

from __future__ import annotations

from collections.abc import Container

from gateway.media.ear import Around, Ear, OpenEar, WakingEar
from gateway.media.earshot import Earshot
from gateway.media.own import OwnWords
from gateway.media.words import Spotter, Word, find
from gateway.settings import Settings, Wake


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

    def _words(self, wake: Wake) -> list[Word]:
        """What to listen for; the words that stop the bot as well, where there is anything to listen for."""
        named = [] if isinstance(wake, str) else [find(word) for word in wake]
        return [*named, *map(find, self._settings.attention.stop)] if named else []

    def of(self, device: str | None, around: Around) -> Ear:
        """The ear of a call with this device."""
        wake = self._settings.wakes.get(device or "", self._settings.wake)
        if wake == "always":
            return OpenEar(around.hand_on)
        words = self._words(wake)
        named = frozenset() if isinstance(wake, str) else frozenset(find(word).name for word in wake)
        stops = frozenset(word.name for word in words) - named
        spotter, own = (Spotter(words), Spotter(words)) if words else (_Deaf(), _Deaf())
        said = OwnWords(own, self._earshot.clock)
        return WakingEar(spotter, said, stops, self._settings.attention, around, self._earshot)


class _Deaf(Spotter):
    """Knows no word: for a device that only its button wakes."""

    def __init__(self) -> None:
        self._models = []

    def heard(self, pcm: bytes, but: Container[str] = ()) -> set[str]:  # noqa: ARG002 -- a Spotter's
        return set()
