"""The tools of a language model: found anew for each question, bounded, and filled with a word where they are slow."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

from loguru import logger
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import CancelFrame, EndFrame, Frame, LLMContextFrame, StartFrame, TTSSpeakFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import FunctionCallParams

from gateway.errors import GatewayError

FILLER_SECONDS: Final = 1.5
"""After which somebody who waits for a tool is told so."""
FILLER: Final = "One moment."
AGAIN_SECONDS: Final = 0.5
"""That a question waits for a source which has failed: somebody waits for its answer, and the next one may have it."""
_NOT_NAMED: Final = re.compile(r"[^A-Za-z0-9_-]")
_MOST_NAME, _MOST_ABOUT = 64, 1_024
"""Of a function's name and description, as OpenAI's API and its like take them: one that is longer spoils them all."""
MOST_TOOLS: Final = 64
"""That a model is offered: more of them it chooses from badly."""

Handler = Callable[[FunctionCallParams], Awaitable[None]]


class Source(Protocol):
    """Where tools come from: the device, an MCP server."""

    name: str
    timeout_s: float
    max_result: int

    async def start(self) -> None: ...
    async def schema(self) -> ToolsSchema: ...
    async def close(self) -> None: ...


class Equipped(FrameProcessor):
    """Stands before a language model, and gives each question the tools that there are now.

    A source that fails is left out and logged once; its tools come back when it does.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        super().__init__(name="Equipped")
        self._sources = sources
        self._starting: list[asyncio.Task[None]] = []
        self._failed: set[str] = set()
        self._again: dict[str, asyncio.Task[list[FunctionSchema]]] = {}
        """Sources that have failed, being asked anew."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Equip a context on its way to the model; pass all."""
        await super().process_frame(frame, direction)
        if isinstance(frame, StartFrame):
            self._starting = [
                asyncio.create_task(self._start(s), name=f"tools-{s.name}") for s in self._sources
            ]
        elif isinstance(frame, LLMContextFrame) and direction is FrameDirection.DOWNSTREAM:
            frame.context.set_tools(ToolsSchema(standard_tools=await self._tools()))
        elif isinstance(frame, EndFrame | CancelFrame):
            await self._close()
        await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        """Let go of what is still held."""
        await super().cleanup()  # type: ignore[no-untyped-call] # Pipecat leaves it untyped
        await self._close()

    async def _close(self) -> None:
        tasks = [*self._starting, *self._again.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._starting = []
        self._again = {}
        for source in self._sources:
            await source.close()

    async def _start(self, source: Source) -> None:
        try:
            await asyncio.wait_for(source.start(), source.timeout_s)
        except Exception as error:  # noqa: BLE001 -- whatever a server of anyone's does
            self._miss(source, error)

    async def _tools(self) -> list[FunctionSchema]:
        found: dict[str, FunctionSchema] = {}
        for source, schema in zip(
            self._sources, await asyncio.gather(*map(self._of, self._sources)), strict=True
        ):
            for tool in schema:
                name = _NOT_NAMED.sub("_", tool.name)[:_MOST_NAME]
                if name and name not in found and len(found) < MOST_TOOLS:
                    found[name] = self._bounded(name, tool, source)
        return list(found.values())

    async def _of(self, source: Source) -> list[FunctionSchema]:
        if source.name not in self._failed:
            return await self._asked(source)
        task = self._again.get(source.name)
        if task is None or task.done():
            task = asyncio.create_task(self._asked(source), name=f"again-{source.name}")
            self._again[source.name] = task
        await asyncio.wait({task}, timeout=AGAIN_SECONDS)
        return task.result() if task.done() else []

    async def _asked(self, source: Source) -> list[FunctionSchema]:
        try:
            schema = await asyncio.wait_for(source.schema(), source.timeout_s)
        except Exception as error:  # noqa: BLE001 -- likewise
            self._miss(source, error)
            return []
        self._failed.discard(source.name)
        return [tool for tool in schema.standard_tools if isinstance(tool, FunctionSchema)]

    def _miss(self, source: Source, error: Exception) -> None:
        if source.name not in self._failed:
            self._failed.add(source.name)
            logger.warning("the tools of {} are left out for now: {}", source.name, why(error))

    def _bounded(self, name: str, tool: FunctionSchema, source: Source) -> FunctionSchema:
        async def handle(params: FunctionCallParams) -> None:
            own = dataclasses.replace(params, function_name=tool.name)
            await params.result_callback(await self._call(tool, source, own))

        about = (tool.description or "")[:_MOST_ABOUT]
        return FunctionSchema(name, about, tool.properties, tool.required, handler=handle)

    async def _call(self, tool: FunctionSchema, source: Source, params: FunctionCallParams) -> Any:
        """What a tool gives within its bounds; what goes wrong is for the model to tell."""
        given: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def take(result: Any, **_: Any) -> None:
            if not given.done():
                given.set_result(result)

        handler: Any = tool.handler
        filler = asyncio.create_task(self._fill(), name=f"filler-{tool.name}")
        try:
            await asyncio.wait_for(
                handler(dataclasses.replace(params, result_callback=take)), source.timeout_s
            )
            result = given.result() if given.done() else None
        except TimeoutError:
            result = _failure(tool, f"gave no answer within {source.timeout_s:g} s")
        except GatewayError as error:
            result = _failure(tool, error.message)
        except Exception as error:  # noqa: BLE001 -- the call goes on, whatever a tool of anyone's raises
            result = _failure(tool, why(error))
        finally:
            filler.cancel()
            await asyncio.gather(filler, return_exceptions=True)
        text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, default=str)
        return result if len(text) <= source.max_result else f"{text[: source.max_result]}… (cut)"

    async def _fill(self) -> None:
        await asyncio.sleep(FILLER_SECONDS)
        await self.push_frame(TTSSpeakFrame(FILLER, append_to_context=False))


def _failure(tool: FunctionSchema, why: str) -> dict[str, str]:
    logger.warning("the tool {} failed: {}", tool.name, why)
    return {"error": f"{tool.name} failed: {why}"}


def why(error: BaseException) -> str:
    """What was wrong, in short: of a group of tasks, what the first of them died of."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return (str(error) or type(error).__name__)[:200]


class DeviceSource:
    """The tools of the device in this call.

    Args:
        tools: what the gateway gave the bot.
    """

    name = "this device"
    timeout_s = 12.0
    max_result = 4_000

    def __init__(self, tools: Any) -> None:
        self._tools = tools

    async def start(self) -> None:
        """It is there."""

    async def schema(self) -> ToolsSchema:
        """Those that the device has now."""
        found: ToolsSchema = await self._tools.schema()
        return found

    async def close(self) -> None:
        """It stays."""
