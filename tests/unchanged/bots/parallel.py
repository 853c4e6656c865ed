"""In the manner of audio and features: two branches, one of which has the last word."""

from __future__ import annotations

from typing import Any

from pipecat.frames.frames import EndFrame, TTSSpeakFrame
from pipecat.pipeline.parallel_pipeline import ParallelPipeline
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.workers.runner import WorkerRunner

PARAMS = {"webrtc": lambda: TransportParams(audio_out_enabled=True)}


async def run_bot(transport: BaseTransport, runner_args: RunnerArguments) -> None:
    one, other = (
        OpenAITTSService(api_key="none", settings=OpenAITTSService.Settings(voice=v))
        for v in ("ash", "ballad")
    )
    worker = PipelineWorker(
        Pipeline([ParallelPipeline([one], [other]), transport.output()]), idle_timeout_secs=None
    )

    @transport.event_handler("on_client_connected")
    async def on_client_connected(_transport: BaseTransport, _client: Any) -> None:
        print("EVENT connected", flush=True)
        await worker.queue_frames([TTSSpeakFrame("Hello twice."), EndFrame()])

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(_transport: BaseTransport, _client: Any) -> None:
        print("EVENT disconnected", flush=True)
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()
    print("EVENT ended", flush=True)


async def bot(runner_args: RunnerArguments) -> None:
    transport = await create_transport(runner_args, PARAMS)
    await run_bot(transport, runner_args)


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()
