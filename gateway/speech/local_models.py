"""A language model's server of one's own, looked at when the gateway starts: whether it is there, and has the model."""

from __future__ import annotations

from typing import Any, Final

import httpx
from loguru import logger

from gateway.sections import EngineSpec

_SECONDS: Final = 3.0
_OLLAMA: Final = "http://localhost:11434/v1"
"""Where Pipecat's service for it looks."""


async def look(spec: EngineSpec) -> None:
    """Name in the log what can't work; a server elsewhere may come later, so that it is no error."""
    base = spec.options.get("base_url") or (_OLLAMA if spec.provider == "ollama" else None)
    if base is None:
        return
    try:
        async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False) as http:
            answer = (await http.get(f"{str(base).rstrip('/')}/models")).raise_for_status().json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        logger.warning(
            "the language model at {} does not answer ({}): see voicegw doctor", base, type(error).__name__
        )
        return
    _compare(str(base), str(spec.options.get("model", "")), answer)


def _compare(base: str, model: str, answer: Any) -> None:
    listed = answer.get("data") if isinstance(answer, dict) else None
    names = {item.get("id") for item in listed or [] if isinstance(item, dict)}
    if names and not names & {model, f"{model}:latest"}:
        shown = ", ".join(sorted(map(str, names))[:8])
        logger.warning("the language model at {} has no {}; it has {}", base, model, shown)
    else:
        logger.info("the language model {} answers at {}", model, base)
