"""Pipecat runs this for each pipeline of a worker (PIPECAT_SETUP_FILES): it lets us time any bot, unchanged."""

from __future__ import annotations

from pipecat.pipeline.worker import PipelineWorker

from gateway.bot.watching import watcher


async def setup_worker_runner(_runner: object) -> None:
    """Nothing to do; Pipecat warns where a setup file has none."""


async def setup_pipeline_worker(worker: PipelineWorker) -> None:
    """Watch the pipeline of the call that this runs in, if it is one of ours."""
    watch = watcher.get(None)
    if watch is not None:
        watch(worker)
