"""Who is shown the pipelines that a bot makes; apart, as Pipecat loads `pipecat_setup` by its path, once more."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from pipecat.pipeline.worker import PipelineWorker

watcher: ContextVar[Callable[[PipelineWorker], None]] = ContextVar("voicegw_watcher")
"""Is shown each pipeline that the running bot makes."""
