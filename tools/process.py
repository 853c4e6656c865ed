"""How the tools start other programs."""

from __future__ import annotations

import os

_TALKATIVE = ("ESPRESSIF_IDE_WS",)  # Espressif's tools would send their log to that address
_KEPT_FROM_THEM = ("ESPTOOL_", "VOICEGW_")  # changes their options; may hold a password


def quiet_environment() -> dict[str, str]:
    """The environment for Espressif's tools: ours, without secrets and without what changes their options or style."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_KEPT_FROM_THEM) and k not in _TALKATIVE}
    plain = {"NO_COLOR": "1", "COLUMNS": "200", "TERM": "dumb", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    return {**{k: v for k, v in kept.items() if k not in {"FORCE_COLOR", "TTY_COMPATIBLE"}}, **plain}
