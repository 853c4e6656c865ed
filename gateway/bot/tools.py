"""What a bot can ask its gateway and its device for, over the pair: `runner_args.voicegw["tools"]`."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Any, Final

from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.services.llm_service import FunctionCallParams

from gateway.errors import BY_CODE, Busy, GatewayError
from gateway.wire import talk
from gateway.wire.tools import MAX_RESULT

SECONDS: Final = 10.0
"""Until there is an answer: the front may have died, and the next one not come yet."""


class DeviceTools:
    """The tools of the device that is in this call.

    Args:
        tell: sends a message to the call's media.
    """

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        self._tell = tell
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    async def ask(self, tool: str, arguments: dict[str, Any] | None = None) -> Any:
        """Use a tool (docs/tools-for-models.md); what came of it, as JSON holds it.

        Raises:
            GatewayError: it was refused, or there was no answer; its message can be told to a model or a person.
        """
        number = next(self._numbers)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            self._tell(talk.Ask(id=number, tool=tool, arguments=arguments or {}).model_dump(mode="json"))
            return await asyncio.wait_for(future, SECONDS)
        except TimeoutError:
            raise Busy(f"the gateway gave no answer within {SECONDS:g} s", remedy="try again") from None
        finally:
            del self._waiting[number]

    def settle(self, told: talk.Done) -> None:
        """Take an answer; one that nobody waits for any more is dropped."""
        future = self._waiting.get(told.id)
        if future is None or future.done():
            return
        if told.ok:
            future.set_result(told.result)
            return
        why = told.result if isinstance(told.result, dict) else {}
        cls = BY_CODE.get(why.get("code", ""), GatewayError)
        future.set_exception(cls(str(why.get("message")), remedy=str(why.get("remedy", ""))))

    async def schema(self) -> ToolsSchema:
        """The tools as Pipecat's language models take them; they do themselves what the model asks for.

        Raises:
            GatewayError: the gateway does not answer.
        """
        return ToolsSchema(
            standard_tools=[
                FunctionSchema(
                    name=tool["name"],
                    description=tool["description"],
                    properties=tool["parameters"]["properties"],
                    required=tool["parameters"]["required"],
                    handler=self._handle,
                )
                for tool in await self.ask("tools")
            ]
        )

    async def _handle(self, params: FunctionCallParams) -> None:
        """Do what a model asks for; what goes wrong is for it to tell."""
        try:
            result = await self.ask(params.function_name, dict(params.arguments))
        except GatewayError as error:
            result = {"error": error.message}
        text = json.dumps(result, ensure_ascii=False)
        await params.result_callback(result if len(text) <= MAX_RESULT else f"{text[:MAX_RESULT]}…")
