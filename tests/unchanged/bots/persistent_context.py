"""In the manner of persistent-context: what was said stays, and is told."""

from __future__ import annotations

from typing import Any

from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport

from tests.unchanged.bots import usual


async def bot(runner_args: RunnerArguments) -> None:
    transport = await create_transport(runner_args, usual.TALKS)
    context = LLMContext()
    worker = usual.work(usual.chat(transport, context), runner_args)

    @worker.rtvi.event_handler("on_client_message")
    async def on_client_message(rtvi: Any, message: Any) -> None:
        said = [m["role"] + ": " + str(m["content"]) for m in context.get_messages() if isinstance(m, dict)]
        await rtvi.send_server_response(message, {"context": said})

    await usual.run(worker, transport, runner_args)


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
