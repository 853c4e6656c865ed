"""Engines by configuration: provider names, what each needs, and how Pipecat's service for it is made."""

from __future__ import annotations

from collections.abc import Mapping

from pipecat.processors.frame_processor import FrameProcessor

from gateway.speech.spec import EngineSpec


def check(kind: str, spec: EngineSpec, keys: Mapping[str, str]) -> None: ...


def make_stt(spec: EngineSpec, keys: Mapping[str, str]) -> FrameProcessor:
    raise NotImplementedError


make_tts = make_llm = make_stt
