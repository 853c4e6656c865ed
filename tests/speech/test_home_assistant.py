"""Requests about the home, to a real Home Assistant where one is installed beside this checkout."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from aiohttp import web

from gateway.errors import ConfigError
from gateway.sections import HomeAssistant
from gateway.speech.assist import Assist
from gateway.speech.home_assistant import Home, HomeTrouble, Said, look
from tests.support.home_assistant import HASS, House, house

needs_one = pytest.mark.skipif(HASS is None, reason="no Home Assistant is installed: docs/home-assistant.md")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def at(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with house(tmp_path_factory.mktemp("hass")) as running:
        yield running


@contextlib.asynccontextmanager
async def served(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """What takes a sentence on loopback, and is no Home Assistant."""
    app = web.Application()
    app.router.add_post("/api/conversation/process", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    [(_, port)] = [address[:2] for address in runner.addresses]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def home(at: House, area: str | None = None) -> Home:
    return Home(HomeAssistant(url=at.url, timeout_s=30), {"HOME_ASSISTANT_TOKEN": at.token}, area)


def assist(at: House, pipeline: str | None = None) -> Assist:
    return Assist(HomeAssistant(url=at.url, pipeline=pipeline), {"HOME_ASSISTANT_TOKEN": at.token})


@needs_one
async def test_a_lamp_is_switched_by_its_name(at: House) -> None:
    own = home(at)
    assert await own.ask("turn on the hall lamp")
    assert await at.state("light.hall_lamp") == "on"
    assert await own.ask("turn off the hall lamp")
    assert await at.state("light.hall_lamp") == "off"
    await own.close()


@needs_one
async def test_the_light_is_that_of_the_devices_own_area(at: House) -> None:
    own = home(at, "kitchen")
    assert await own.ask("turn on the lights")
    assert (await at.state("light.kitchen_lamp"), await at.state("light.hall_lamp")) == ("on", "off")
    assert await own.ask("turn on the lights in the hall")
    assert await at.state("light.hall_lamp") == "on"
    assert await own.ask("turn off the hall lamp")
    assert (await at.state("light.kitchen_lamp"), await at.state("light.hall_lamp")) == ("on", "off")
    await own.close()


@needs_one
async def test_what_it_does_not_understand_is_left_to_others(at: House) -> None:
    own = home(at)
    for other in ("why is the sky blue", "tell me a story about a king", "the quick brown fox jumps"):
        said = await own.ask(other)  # any sentence may be of a thing that has this name
        assert said is None or not said.known, said
    refused = await own.ask("turn on the lamp in the cellar")
    assert refused is None or ("cellar" in refused.text and not refused.known)
    await own.close()


@needs_one
async def test_start_up_names_a_token_that_is_not_taken(at: House) -> None:
    await look(HomeAssistant(url=at.url), {"HOME_ASSISTANT_TOKEN": at.token})
    with pytest.raises(ConfigError, match="does not take this token"):
        await look(HomeAssistant(url=at.url), {"HOME_ASSISTANT_TOKEN": "wrong"})


@needs_one
async def test_its_own_assist_answers_in_a_pipeline_of_its_own(at: House) -> None:
    own = assist(at, pipeline="Home Assistant")
    await own.check()
    assert await own.ask("turn on the hall lamp") == "Turned on the light"
    assert await at.state("light.hall_lamp") == "on"
    assert "story" in await own.ask("tell me a story about a king")
    assert await own.ask("turn off the hall lamp") == "Turned off the light"
    assert await at.state("light.hall_lamp") == "off"
    await own.close()


@needs_one
async def test_start_up_names_a_pipeline_that_it_has_not_and_a_token_that_is_not_taken(at: House) -> None:
    with pytest.raises(ConfigError, match="no pipeline 'Rude'") as caught:
        await assist(at, pipeline="Rude").check()
    assert caught.value.remedy == "it has Home Assistant"
    with pytest.raises(ConfigError, match="does not take this token"):
        await assist(House(at.url, "wrong")).check()


def test_a_token_is_needed() -> None:
    with pytest.raises(ConfigError, match="needs a token"):
        Home(HomeAssistant(url="http://127.0.0.1:9"), {})


async def test_one_that_never_comes_to_an_end_does_not_answer() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):  # sooner, each, than a time-out of one piece
            await response.write(b" ")
            await asyncio.sleep(0.02)
        await response.write(b'{"response": {"response_type": "action_done", "speech": {}}}')
        return response

    async with served(drip) as url:
        own = Home(HomeAssistant(url=url, timeout_s=0.5), {"HOME_ASSISTANT_TOKEN": "x"})
        with pytest.raises(HomeTrouble, match="does not answer at"):
            await own.ask("turn on the light")
        await own.close()


@pytest.mark.parametrize(("told", "said"), [("null", "Done."), (f'"{"x" * 100_000}"', "x" * Home.max_result)])
async def test_whatever_it_says_can_be_spoken(told: str, said: str) -> None:
    async def answer(_request: web.Request) -> web.Response:
        speech = f'{{"plain": {{"speech": {told}}}}}'
        return web.Response(text=f'{{"response": {{"response_type": "action_done", "speech": {speech}}}}}')

    async with served(answer) as url:
        own = Home(HomeAssistant(url=url), {"HOME_ASSISTANT_TOKEN": "x"})
        assert await own.ask("turn on the light") == Said(said)
        await own.close()


async def test_one_that_is_not_there_is_said() -> None:
    own = Home(HomeAssistant(url="http://127.0.0.1:9"), {"HOME_ASSISTANT_TOKEN": "x"})
    with pytest.raises(HomeTrouble, match="does not answer at"):
        await own.ask("turn on the light")
    await own.close()
    await look(HomeAssistant(url="http://127.0.0.1:9"), {"HOME_ASSISTANT_TOKEN": "x"})  # is a warning
