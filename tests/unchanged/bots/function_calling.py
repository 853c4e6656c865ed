"""In the manner of function-calling: the model asks for the weather."""

from __future__ import annotations

from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.services.llm_service import FunctionCallParams

from tests.unchanged.bots import usual


async def get_current_weather(params: FunctionCallParams, location: str) -> None:
    """Get the current weather.

    Args:
        location: the city.
    """
    usual.tell(f"weather of {location}")
    await params.result_callback({"conditions": "nice"})


async def bot(runner_args: RunnerArguments) -> None:
    transport = await create_transport(runner_args, usual.TALKS)
    pipeline = usual.chat(transport, LLMContext(tools=[get_current_weather]))
    await usual.run(usual.work(pipeline, runner_args), transport, runner_args)


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
