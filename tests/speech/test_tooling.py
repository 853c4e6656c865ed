"""Tools of real MCP servers, called as a language model would have them called."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from loguru import logger
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import Frame, TTSSpeakFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.llm_service import FunctionCallParams

from gateway.errors import ConfigError
from gateway.sections import EngineSpec, HomeAssistant, McpServer
from gateway.speech import providers, tooling
from gateway.speech.home_assistant import Home
from gateway.speech.mcp import McpSource, check, look
from gateway.speech.tooling import DeviceSource, Equipped
from tests.support.waiting import until

pytest.importorskip("mcp", reason="the extra pipecat-ai[mcp] is not installed")
SERVER = Path(__file__).parents[1] / "data" / "mcp" / "calendar_server.py"


def calendar(*tools: str, **more: Any) -> McpServer:
    """The server, as a program of the settings."""
    command = (sys.executable, str(SERVER))
    return McpServer(name="calendar", command=command, tools=tools or ("*",), **{"timeout_s": 60, **more})


class Model:
    """Who asks: notes what it is told, and what is said meanwhile."""

    def __init__(self, *sources: Any) -> None:
        self.equipped = Equipped(sources)
        self.said: list[str] = []
        self.equipped.push_frame = self._push  # type: ignore[method-assign,assignment]

    async def _push(self, frame: Frame, *_: Any) -> None:
        if isinstance(frame, TTSSpeakFrame):
            self.said.append(frame.text)

    async def tools(self) -> dict[str, FunctionSchema]:
        """What it is offered."""
        return {tool.name: tool for tool in await self.equipped._tools()}

    async def call(self, name: str, **arguments: Any) -> Any:
        """What a call of a tool comes to."""
        told: list[Any] = []

        async def take(result: Any, **_: Any) -> None:
            told.append(result)

        handler = (await self.tools())[name].handler
        assert handler is not None
        await handler(
            FunctionCallParams(
                function_name=name,
                tool_call_id="1",
                arguments=arguments,
                llm=None,  # type: ignore[arg-type]
                pipeline_worker=None,  # type: ignore[arg-type]
                context=LLMContext(),
                result_callback=take,
            )
        )
        [result] = told
        return result


@pytest_asyncio.fixture
async def make() -> AsyncIterator[Any]:
    made: list[Model] = []

    def _make(*sources: Any) -> Model:
        made.append(Model(*sources))
        return made[-1]

    yield _make
    for model in made:
        await model.equipped._close()


async def test_a_tool_of_a_program_is_called(make: Any) -> None:
    model = make(McpSource(calendar("add_event"), {}))
    assert await model.call("add_event", title="dentist") == "added, 1 in all"
    assert await model.call("add_event", title="barber") == "added, 2 in all"  # the same program still
    assert (await model.tools())["add_event"].required == ["title"]


async def test_a_name_that_no_model_takes_is_offered_as_one_that_it_does(make: Any) -> None:
    """As `^[A-Za-z0-9_-]{1,64}$`: an API refuses a whole question for one tool that is called otherwise."""
    model = make(McpSource(calendar("calendar.find/all"), {}))
    assert await model.call("calendar_find_all", words="tea") == "nothing with tea"
    assert len((await model.tools())["calendar_find_all"].description) <= 1_024


async def test_what_is_not_allowed_is_not_offered(make: Any) -> None:
    assert set(await make(McpSource(calendar("add_event"), {})).tools()) == {"add_event"}
    assert "get_weather" in await make(McpSource(calendar("*"), {})).tools()


async def test_a_tool_over_http_is_called(make: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SERVER), str(port), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await until(lambda: answers(port), "the server listens")
        server = McpServer(name="c", url=f"http://127.0.0.1:{port}/mcp", tools=("add_event",), timeout_s=60)
        assert await make(McpSource(server, {})).call("add_event", title="x") == "added, 1 in all"
    finally:
        process.kill()
        await process.wait()


@pytest.mark.parametrize("token", ["abc…", "two words", "a\nb"])
def test_a_token_that_can_not_be_sent_is_said_at_start_up(token: str) -> None:
    server = McpServer(name="c", url="http://127.0.0.1:9/mcp", tools=("*",), token_env="TOKEN")
    with pytest.raises(ConfigError, match="the key in TOKEN"):
        check([server], {"TOKEN": token})
    with pytest.raises(ConfigError, match="the key in HOME_ASSISTANT_TOKEN"):
        Home(HomeAssistant(url="http://127.0.0.1:9"), {"HOME_ASSISTANT_TOKEN": token})
    with pytest.raises(ConfigError, match="the key in OPENAI_API_KEY"):
        providers.make_llm(EngineSpec(provider="openai"), {"OPENAI_API_KEY": token}, prompt="")


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_a_tool_that_fails_says_why(make: Any) -> None:
    told = await make(McpSource(calendar("get_weather"), {})).call("get_weather", place="Ulm")
    assert "the weather station at Ulm does not answer" in str(told)


async def test_a_slow_tool_is_filled_and_given_up(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tooling, "FILLER_SECONDS", 0.05)
    source = McpSource(calendar("read_news"), {})
    await source.start()
    source.timeout_s = 0.5
    model = make(source)
    told = await model.call("read_news")
    assert told == {"error": "read_news failed: gave no answer within 0.5 s"}
    assert model.said == ["One moment."]


async def test_a_long_answer_is_cut(make: Any) -> None:
    told = await make(McpSource(calendar("read_book", max_result=200), {})).call("read_book")
    assert len(told) < 220
    assert told.endswith("… (cut)")


async def test_a_server_that_ends_in_a_call_is_there_again_for_the_next(make: Any) -> None:
    model = make(McpSource(calendar("leave", "add_event"), {}))
    assert "leave" in str(await model.call("leave"))
    assert await model.call("add_event", title="x") == "added, 1 in all"


async def test_a_program_is_given_the_keys_that_are_named_and_no_other(make: Any) -> None:
    environment = {"CALENDAR_KEY": "secret", "OTHER_KEY": "not for it"}
    model = make(McpSource(calendar("show_key", env=("CALENDAR_KEY",)), environment))
    assert await model.call("show_key") == "secret, None"


async def test_a_server_that_is_not_there_leaves_the_others_theirs(make: Any) -> None:
    gone = McpServer(name="gone", url="http://127.0.0.1:9/mcp", tools=("x",), timeout_s=5)
    assert set(await make(McpSource(gone, {}), McpSource(calendar("add_event"), {})).tools()) == {"add_event"}


async def test_a_server_that_hangs_keeps_no_further_question_waiting(make: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/mcp"
        mute = McpSource(McpServer(name="mute", url=url, tools=("x",), timeout_s=0.5), {})
        model = make(mute)
        assert await model.tools() == {}
        mute.timeout_s = 60
        async with asyncio.timeout(30):
            assert await model.tools() == await model.tools() == {}


async def test_one_that_answers_late_is_there_for_the_question_after(make: Any) -> None:
    class Late:
        name, timeout_s, max_result = "late", 60, 100

        def __init__(self) -> None:
            self.back = asyncio.Event()
            self.asked = 0

        async def schema(self) -> ToolsSchema:
            self.asked += 1
            if self.asked == 1:
                raise ConnectionError
            await self.back.wait()
            return ToolsSchema(standard_tools=[FunctionSchema("x", "Late.", {}, [])])

        async def close(self) -> None:
            """It was never begun."""

    late = Late()
    model = make(late)
    assert [set(await model.tools()) for _ in range(3)] == [set()] * 3
    late.back.set()
    assert set(await model.tools()) == {"x"}
    assert late.asked == 2


async def test_the_devices_tools_come_first(make: Any) -> None:
    class Device:
        async def schema(self) -> ToolsSchema:
            own = FunctionSchema("add_event", "The device's.", {}, [], handler=self.handle)
            return ToolsSchema(standard_tools=[own])

        async def handle(self, params: FunctionCallParams) -> None:
            await params.result_callback({"by": "the device"})

    model = make(DeviceSource(Device()), McpSource(calendar("add_event"), {}))
    assert await model.call("add_event") == {"by": "the device"}


@pytest.mark.parametrize(
    ("server", "why"),
    [
        (McpServer(name="c", command=("no-such-program",), tools=("*",)), "no program 'no-such-program'"),
        (McpServer(name="c", command=(sys.executable,), tools=("*",), env=("KEY",)), "needs KEY"),
        (McpServer(name="c", url="https://x", tools=("*",), token_env="TOKEN"), "needs TOKEN"),
    ],
)
def test_what_can_not_work_is_named_at_start_up(server: McpServer, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        check([server], {})


async def test_a_tool_that_is_allowed_and_not_there_is_named() -> None:
    source = McpSource(calendar("add_event", "fly"), {})
    with pytest.raises(ConfigError, match="no tool fly; it has"):
        await asyncio.wait_for(source.start(), 60)
    await source.close()


async def test_start_up_says_plainly_why_a_server_can_not_be_used() -> None:
    told: list[str] = []
    sink = logger.add(lambda line: told.append(str(line)), format="{message}")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = f"http://127.0.0.1:{silent.getsockname()[1]}/mcp"
        servers = [
            McpServer(name="gone", url="http://127.0.0.1:9/mcp", tools=("x",), timeout_s=20),
            McpServer(name="mute", url=mute, tools=("x",), timeout_s=1),
        ]
        try:
            await look(servers, {})
        finally:
            logger.remove(sink)
    gone, silent_one = sorted(line for line in told if "can't be used" in line)
    assert gone.startswith("mcp 'gone' can't be used now: ")
    assert "TaskGroup" not in gone
    assert silent_one.startswith("mcp 'mute' can't be used now: no answer within 1 s")
