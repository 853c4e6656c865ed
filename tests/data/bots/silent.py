"""A bot that listens and never says a word, not even silence in RTVI."""

from __future__ import annotations

from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.types import SmallWebRTCRunnerArguments
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport
from pipecat.workers.runner import WorkerRunner


async def bot(runner_args: SmallWebRTCRunnerArguments) -> None:
    transport = SmallWebRTCTransport(
        runner_args.webrtc_connection, TransportParams(audio_in_enabled=True, audio_out_enabled=True)
    )
    worker = PipelineWorker(
        Pipeline([transport.input(), transport.output()]), idle_timeout_secs=None, enable_rtvi=False
    )

    async def gone(_transport: SmallWebRTCTransport, _client: object) -> None:
        await worker.cancel()

    transport.add_event_handler("on_client_disconnected", gone)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()
