"""Text of strangers for a terminal: what would command it is taken out."""

from __future__ import annotations

import re

# ECMA-48, in its 7-bit and 8-bit forms: control strings (OSC, DCS, SOS, PM, APC), sequences (CSI), other escapes, and
# the control characters that are left; a string without an end is shown.
_COMMANDS = re.compile(
    r"(?:\x1b[]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|\x1b[ -/]*[0-~]"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


def plain(text: str) -> str:
    """The text without commands to a terminal; tabs and line ends stay."""
    return _COMMANDS.sub("", text)
