"""In the manner of features: messages of the client's own, and of the server's."""

from __future__ import annotations

from typing import Any

from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frameworks.rtvi import RTVIServerMessageFrame
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.workers.runner import WorkerRunner

PARAMS = {"webrtc": lambda: TransportParams(audio_in_enabled=True, audio_out_enabled=True)}


async def run_bot(transport: BaseTransport, runner_args: RunnerArguments) -> None:
    worker = PipelineWorker(Pipeline([transport.input(), transport.output()]), idle_timeout_secs=None)

    @transport.event_handler("on_client_connected")
    async def on_client_connected(_transport: BaseTransport, _client: Any) -> None:
        print("EVENT connected", flush=True)

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(_transport: BaseTransport, _client: Any) -> None:
        print("EVENT disconnected", flush=True)
        await worker.cancel()

    @worker.rtvi.event_handler("on_client_ready")
    async def on_client_ready(_rtvi: Any) -> None:
        print("EVENT client ready", flush=True)
        await worker.queue_frames([RTVIServerMessageFrame(data={"greeting": "Grüße"})])

    @worker.rtvi.event_handler("on_client_message")
    async def on_client_message(rtvi: Any, message: Any) -> None:
        print(f"EVENT message {message.type} {message.data}", flush=True)
        await rtvi.send_server_response(message, {"of": message.data})

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
