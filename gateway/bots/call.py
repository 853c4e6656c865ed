"""What our bots share: the transport's parameters, and holding a call until its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.workers.runner import WorkerRunner

SAMPLE_RATE = 16_000  # of everything: the device's, the recogniser's and the voice's

PIPELINE = PipelineParams(
    audio_in_sample_rate=SAMPLE_RATE,
    audio_out_sample_rate=SAMPLE_RATE,
    enable_metrics=True,
    enable_usage_metrics=True,
)


def gateway_settings(runner_args: RunnerArguments) -> object:
    """The settings of the gateway that this call is held by; `None` under Pipecat's own runner."""
    return getattr(runner_args, "voicegw", {}).get("settings")


def device_name(runner_args: RunnerArguments) -> str | None:
    """The name of the device of this call, where it is one's."""
    found: str | None = getattr(runner_args, "voicegw", {}).get("device")
    return found


def device_tools(runner_args: RunnerArguments) -> Any:
    """What the gateway does for the device of this call (docs/bots.md); `None` where this is no device's."""
    own = getattr(runner_args, "voicegw", {})
    return own.get("tools") if own.get("device") else None


async def open_transport(runner_args: RunnerArguments) -> BaseTransport:
    """The transport of a call, 16 kHz both ways, 20 ms at a time."""
    transport: BaseTransport = await create_transport(runner_args, {"webrtc": _params})
    return transport


async def hold(
    runner_args: RunnerArguments,
    transport: BaseTransport,
    worker: PipelineWorker,
    *,
    connected: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Run the call's pipeline until the client is gone; awaits `connected` once it is there."""

    async def on_connected(_transport: BaseTransport, _client: object) -> None:
        if connected is not None:
            await connected()

    async def on_disconnected(_transport: BaseTransport, _client: object) -> None:
        await worker.cancel(reason="the client disconnected")

    transport.add_event_handler("on_client_connected", on_connected)
    transport.add_event_handler("on_client_disconnected", on_disconnected)
    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()


def _params() -> TransportParams:
    return TransportParams(
        audio_in_enabled=True,
        audio_in_sample_rate=SAMPLE_RATE,
        audio_out_enabled=True,
        audio_out_sample_rate=SAMPLE_RATE,
        audio_out_10ms_chunks=2,
    )
