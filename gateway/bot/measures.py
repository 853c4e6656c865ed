"""What a bot costs and does, read off the frames of any pipeline: Pipecat's own metrics, and calls of tools."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Final
from weakref import WeakValueDictionary

from pipecat.frames.frames import (
    Frame,
    FunctionCallCancelFrame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    MetricsFrame,
)
from pipecat.metrics.metrics import (
    LLMUsageMetricsData,
    MetricsData,
    ProcessingMetricsData,
    STTUsageMetricsData,
    TTFBMetricsData,
    TTSUsageMetricsData,
)

from gateway.wire import plain
from gateway.wire.talk import MAX_MEASURE, MAX_NAME, MAX_TOLD

OPEN: Final = 32
"""Calls of tools that are followed at once."""
Report = Callable[[dict[str, Any]], None]


class Measures:
    """Follows one call; `frame` is given each frame that is pushed.

    Args:
        on_measures: is given what services measured: each `service`, `model`, `kind`, `value`.
        on_tool: is given each call of a tool once it is over.
    """

    def __init__(self, on_measures: Callable[[list[dict[str, Any]]], None], on_tool: Report) -> None:
        self._on_measures = on_measures
        self._on_tool = on_tool
        self._open: dict[str, tuple[float, float, FunctionCallInProgressFrame]] = {}
        self._seen: WeakValueDictionary[int, Frame] = WeakValueDictionary()
        self._handlers: dict[type[Frame], Callable[[Any], None]] = {
            MetricsFrame: self._measured,
            FunctionCallInProgressFrame: self._began,
            FunctionCallResultFrame: self._ended,
            FunctionCallCancelFrame: self._cancelled,
        }

    @property
    def kinds(self) -> frozenset[type[Frame]]:
        """Of frames that it takes note of; it need not be given others."""
        return frozenset(self._handlers)

    def frame(self, frame: Frame) -> None:
        """Take note of a frame, by whichever processor it is pushed first."""
        handler = self._handlers.get(type(frame))
        if handler is not None and frame.id not in self._seen:
            self._seen[frame.id] = frame
            handler(frame)

    def _measured(self, frame: MetricsFrame) -> None:
        found = [item for data in frame.data for item in _read(data)]
        if found:
            self._on_measures(found)

    # -- tools

    def _began(self, frame: FunctionCallInProgressFrame) -> None:
        if len(self._open) < OPEN:
            self._open.setdefault(frame.tool_call_id, (time.time(), time.monotonic(), frame))

    def _ended(self, frame: FunctionCallResultFrame) -> None:
        if frame.properties is not None and not frame.properties.is_final:
            return
        failed = frame.error or (isinstance(frame.result, dict) and "error" in frame.result)
        self._over(frame.tool_call_id, _told(frame.result), ok=not failed)

    def _cancelled(self, frame: FunctionCallCancelFrame) -> None:
        self._over(frame.tool_call_id, "cancelled", ok=False)

    def _over(self, call_id: str, result: str, *, ok: bool) -> None:
        found = self._open.pop(call_id, None)
        if found is None:  # a call is broadcast both ways, so its end comes twice
            return
        at, began, call = found
        self._on_tool(
            {
                "at": at,
                "name": call.function_name[:MAX_NAME],
                "arguments": _told(call.arguments),
                "result": result,
                "ok": ok,
                "ms": round(1000 * (time.monotonic() - began), 1),
            }
        )


def _told(value: Any) -> str:
    text = plain.text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= MAX_TOLD else f"{text[: MAX_TOLD - 1]}…"


def _read(data: MetricsData) -> Iterator[dict[str, Any]]:
    who = {"service": data.processor.partition("#")[0][:MAX_NAME], "model": (data.model or "")[:MAX_NAME]}
    for kind, value in _figures(data):
        if (
            value is not None and 0 < value <= MAX_MEASURE
        ):  # Pipecat takes times by a clock that may be set meanwhile
            yield {**who, "kind": kind, "value": float(value)}


def _figures(data: MetricsData) -> list[tuple[str, float | None]]:
    match data:
        case TTFBMetricsData():
            return [("ttfb", data.value)]
        case ProcessingMetricsData():
            return [("processing", data.value)]
        case TTSUsageMetricsData():
            return [("characters", data.value)]
        case STTUsageMetricsData():
            return [("audio_seconds", data.value.audio_seconds)]
        case LLMUsageMetricsData():
            used = data.value
            return [
                ("prompt_tokens", used.prompt_tokens),
                ("completion_tokens", used.completion_tokens),
                ("cache_read_tokens", used.cache_read_input_tokens),
                ("reasoning_tokens", used.reasoning_tokens),
            ]
        case _:
            return []
