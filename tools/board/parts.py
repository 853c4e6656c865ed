"""Parts of a board that do not work, while all else does. docs/protocol.md, The device."""

from __future__ import annotations

from typing import Final

_WIRING: Final = (
    "see its log: voicegw monitor; look at the wiring, and whether the firmware is for this board"
)
_FAULTS: Final = {
    "no_audio": ("it neither hears nor speaks", _WIRING),
    "no_speaker": ("its speaker does not work", _WIRING),
    "no_microphone": ("its microphone does not work", _WIRING),
    "no_store": ("it cannot keep settings", "flash it again with --erase"),
}


def cause_of(fault: str) -> str:
    """What is broken, in words; a fault that is not known here, as it is."""
    return f"{_FAULTS[fault][0]} ({fault})" if fault in _FAULTS else f"a part of it fails: {fault}"


def remedy_of(fault: str) -> str:
    """What to do about it."""
    return _FAULTS.get(fault, ("", "see its log: voicegw monitor"))[1]
