"""Which engine does a job, as a setting: a provider's name and its options."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class EngineSpec(BaseModel):
    """A provider of providers.py and what it is told, say "piper" and {"voice": "en_US-ryan-high"}."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str = Field(min_length=1)
    options: dict[str, Any] = {}
