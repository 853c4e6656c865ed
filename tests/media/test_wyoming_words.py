"""Wake words over the Wyoming protocol, found by a real model behind the protocol's own server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from loguru import logger

from gateway.errors import ConfigError
from gateway.media import wyoming_words
from gateway.media.ear import Around
from gateway.media.ears import Ears
from gateway.media.words import Spotter, find
from gateway.media.wyoming_words import RemoteSpotter
from gateway.sections import Wake
from gateway.settings import Settings
from tests.media.sound import frames, room, spoken
from tests.support.waiting import eventually

pytest.importorskip("wyoming", reason="wyoming is not installed")
from tests.support.wyoming_server import Asked, saying, serving

AROUND = Around(lambda _: None, lambda: None, lambda: False, lambda: False, lambda: None, lambda *_: None)


def alexa() -> Spotter:
    return Spotter([find("alexa")])


async def fed(spotter: Spotter, pcm: Iterable[bytes]) -> set[str]:
    """What is found in a stretch of sound, and until the server has had its say."""
    found: set[str] = set()
    for frame in pcm:
        found |= spotter.heard(frame)
        await asyncio.sleep(0)
    return found


async def test_a_word_is_found_by_a_server() -> None:
    async with serving(Asked(spots=alexa)) as asked:
        spotter = RemoteSpotter([wyoming_words.find(f"{asked.url}/alexa")])
        found: set[str] = set()

        async def is_found() -> bool:
            found.update(await fed(spotter, frames(room(0.2))))
            return bool(found)

        await eventually(lambda: connected(asked), "the server is asked")
        found |= await fed(spotter, frames(spoken("Alexa. What time is it?")))
        await eventually(is_found, "the word is found")
        assert found == {"alexa"}
        assert asked.detect[0].names == ["alexa"]
        spotter.close()


async def connected(asked: Asked) -> bool:
    return bool(asked.detect)


async def test_a_server_that_is_away_is_tried_again_and_nothing_is_lost_but_the_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wyoming_words, "AGAIN_SECONDS", 0.05)
    asked = Asked(spots=alexa)
    async with serving(asked):
        url = asked.url
    spotter = RemoteSpotter([wyoming_words.find(f"{url}/alexa")])
    assert await fed(spotter, frames(room(1.0))) == set()
    async with serving(Asked(spots=alexa), url) as back:
        await eventually(lambda: connected(back), "it is asked again")
        spotter.close()


@pytest.mark.parametrize(
    "words", [b"[]\n", b'{"type": 7}\n', b'{"type": "detection", "data_length": 900}\n{', b"x" * 200_000]
)
async def test_a_server_that_talked_nonsense_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, words: bytes
) -> None:
    monkeypatch.setattr(wyoming_words, "AGAIN_SECONDS", 0.05)
    async with saying(words) as url:
        spotter = RemoteSpotter([wyoming_words.find(f"{url}/alexa")])
        await Ears(Settings(wake=(f"{url}/alexa",))).look()
        await fed(spotter, frames(room(1.0)))
    async with serving(Asked(spots=alexa), url) as back:
        await eventually(lambda: connected(back), "it is asked again")
        spotter.close()


async def test_a_server_that_takes_nothing_any_more_is_given_up_and_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wyoming_words, "AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(wyoming_words, "WRITE_SECONDS", 0.2)
    told: list[str] = []
    sink = logger.add(lambda line: told.append(str(line)), format="{message}")
    async with saying(b"", reads=False) as url:
        spotter = RemoteSpotter([wyoming_words.find(f"{url}/alexa")])

        async def is_given_up() -> bool:
            await fed(spotter, [bytes(1_000_000)] * 4)
            return any("can't be heard" in line for line in told)

        await eventually(is_given_up, "it is given up")
        spotter.close()
    logger.remove(sink)


async def test_words_of_servers_and_our_own_go_together() -> None:
    settings = Settings(wake=("alexa", "tcp://127.0.0.1:9/ok_nabu", "tcp://127.0.0.1:9/hey_jarvis"))
    words = Ears(settings)._words(settings.wake)
    assert [word.name for word in words] == ["alexa", "ok nabu", "hey jarvis"]
    ear = Ears(settings).of(None, AROUND)
    spotters = ear._spotter._spotters  # type: ignore[attr-defined]
    assert [type(spotter) for spotter in spotters] == [Spotter, RemoteSpotter]
    ear.close()


async def test_start_up_names_the_words_of_servers_that_can_not_be_heard() -> None:
    told: list[str] = []
    sink = logger.add(lambda line: told.append(str(line)), level="INFO", format="{level.name} {message}")
    try:
        async with serving(Asked(spots=alexa)) as asked:
            wakes: dict[str, Wake] = {
                "hall": (f"{asked.url}/hey_marvin",),
                "porch": ("tcp://127.0.0.1:9/alexa",),
            }
            await Ears(Settings(wake=(f"{asked.url}/alexa",), wakes=wakes)).look()
    finally:
        logger.remove(sink)
    good, away, none = sorted(told)
    assert good == f"INFO the wake word 'alexa' is heard by {asked.url}\n"
    assert away.startswith(
        "WARNING the wake word 'alexa' can't be heard while tcp://127.0.0.1:9 does not answer"
    )
    assert none == f"WARNING the wake word 'hey marvin' can't be heard: {asked.url} has alexa_v0.1\n"


@pytest.mark.parametrize("given", ["tcp://127.0.0.1/alexa", "tcp://127.0.0.1:10400", "tcp://:99999999/x"])
def test_what_names_no_word_is_named_at_start_up(given: str) -> None:
    with pytest.raises(ConfigError, match="is no wake word of a server"):
        Ears(Settings(wake=(given,)))
