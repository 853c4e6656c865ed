"""What a call begins with of those before it: the last of what was said, its summary, what people prefer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from loguru import logger
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMAssistantAggregatorParams
from pipecat.utils.context.llm_context_summarization import (
    LLMAutoContextSummarizationConfig,
    LLMContextSummaryConfig,
)

from gateway.errors import GatewayError
from gateway.sections import EngineSpec, MemorySettings
from gateway.speech.timers import Asked

_SECONDS: Final = 3.0
"""For the gateway to tell; a call begins without it where it does not."""
_SUMMARY: Final = "Conversation summary: {summary}"
_PREFIX: Final = _SUMMARY.format(summary="")
_AS_TOLD: Final = (
    ("name", "The person here is called {}."),
    ("place", "This device is in {}."),
    ("units", "Use {} units."),
)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known when a call begins; `exchanges` are questions and answers, the oldest first."""

    kept: bool = False
    exchanges: tuple[tuple[str, str], ...] = ()
    summary: str = ""
    preferences: Mapping[str, str] = field(default_factory=dict)

    def context(self) -> LLMContext:
        """The conversation that a call goes on with."""
        messages: list[Any] = []
        if self.summary:
            messages.append({"role": "user", "content": _PREFIX + self.summary})
        for user, bot in self.exchanges:
            messages += [{"role": "user", "content": user}, {"role": "assistant", "content": bot}]
        return LLMContext(messages)

    def told(self, prompt: str) -> str:
        """A prompt with what people prefer; their words are quoted, and no instructions."""
        known = [
            text.format(json.dumps(self.preferences[name], ensure_ascii=False))
            for name, text in _AS_TOLD
            if self.preferences.get(name)
        ]
        return " ".join([prompt, *known])

    def voiced(self, tts: EngineSpec, memory: MemorySettings) -> EngineSpec:
        """A voice as people have chosen it, if that may still be chosen."""
        voice = self.preferences.get("voice")
        if voice not in memory.voices:
            return tts
        return EngineSpec(provider=tts.provider, options={**tts.options, "voice": voice})


async def known(gateway: Asked | None) -> Known:
    """Ask the gateway; nothing is known where there is none, or it does not tell."""
    if gateway is None:
        return Known()
    try:
        told = await asyncio.wait_for(gateway.ask("memory"), _SECONDS)
    except (GatewayError, TimeoutError) as error:
        logger.warning("a call begins without what was said before: {}", error or "no answer")
        return Known()
    exchanges = tuple((e["user"], e["bot"]) for e in told["exchanges"])
    return Known(told["kept"], exchanges, told["summary"], told["preferences"])


def summarising(memory: MemorySettings) -> LLMAssistantAggregatorParams:
    """Pipecat's own way to sum up the older part of a long conversation, by the language model in it."""
    return LLMAssistantAggregatorParams(
        enable_auto_context_summarization=True,
        auto_context_summarization_config=LLMAutoContextSummarizationConfig(
            max_unsummarized_messages=memory.summarise_after,
            summary_config=LLMContextSummaryConfig(
                target_context_tokens=400, summary_message_template=_SUMMARY
            ),
        ),
    )


async def keep_summary(context: LLMContext, gateway: Asked) -> None:
    """Hand the summary that stands in a conversation to the gateway."""
    for message in context.get_messages():
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, str) and content.startswith(_PREFIX):
            try:
                await gateway.ask("summarise", {"text": content.removeprefix(_PREFIX)})
            except GatewayError as error:
                logger.warning("the summary of a call is not kept: {}", error.message)
            return
