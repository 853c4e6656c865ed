"""What a failed esptool printed, as a cause and a remedy. Pure. Checked against esptool 5.6."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tools.board import ports
from tools.errors import FlashError, ToolError

_CABLE = "use another cable or USB port, or write more slowly with --baud 115200; then flash it again"
_THIS_CHIP = "give the image for this chip"


@dataclass(frozen=True, slots=True)
class _Complaint:
    """What esptool prints, and what that means; `{1}` is what the pattern's first group matched."""

    pattern: str
    cause: str
    remedy: str


_COMPLAINTS = (
    _Complaint("No module named.*esptool", "esptool is not installed", "run: make run, or pip install -e ."),
    _Complaint(r"This chip is (\S+), not (\S+?)\. ", "this board has an {1}, not an {2}", _THIS_CHIP),
    _Complaint(r"'.*' is not an (\S+) image", "the image is not for {1}", _THIS_CHIP),
    _Complaint(
        r"will not fit in (\d+) bytes of flash",
        "the image does not fit into {1} bytes of flash",
        "choose the board that it is with --board NAME",
    ),
    _Complaint(
        r"requires chip revision (.*)\. Use",
        "the image needs chip revision {1}",
        "build it for this revision of the chip",
    ),
    _Complaint(
        "Secure Boot|flash encryption|Secure Download",
        "the chip is locked (secure boot or flash encryption)",
        "use a board without; this firmware is not signed for it",
    ),
    _Complaint(
        "MD5 of file does not match|flash region is empty",
        "what was written does not read back the same",
        f"the flash or its power is bad: {_CABLE}",
    ),
    _Complaint(
        "serial TX path seems to be down",
        "the board is in download mode, but does not hear us",
        "look at the cable and the wiring of TX",
    ),
    _Complaint("Wrong boot mode detected", "the board does not go into download mode", ports.BOOT_BUTTON),
    _Complaint(
        "Failed to connect to",
        "no ESP answers on {port}",
        f"{ports.BOOT_BUTTON}; look at the cable, and whether this is the board's port",
    ),
    _Complaint(
        "Serial data stream stopped|content transfer stopped|Invalid head of packet|Invalid SLIP|stopped responding"
        "|No more data to read|No serial data received|Timed out|serial exception|Response doesn't match"
        "|Failed to (write|enter|leave|erase|start)|Lost connection|Corrupt data|Device not configured",
        "the connection to the board broke",
        _CABLE,
    ),
)


def explain(output: str, step: str, port: str) -> ToolError:
    """The error behind a failed esptool's output."""
    if "Could not open" in output:
        inner = re.search(r"\((.*)\)", output[output.index("Could not open") :], re.DOTALL)
        error: ToolError = ports.explain(port, OSError(inner[1] if inner else "it cannot be opened"))
        return error
    for complaint in _COMPLAINTS:
        match = re.search(complaint.pattern, output, re.IGNORECASE)
        if match is not None:
            groups = {str(n): g for n, g in enumerate(match.groups(), 1)}
            cause = _fill(complaint.cause, {**groups, "port": port})
            return FlashError(cause, remedy=complaint.remedy, step=step)
    if "Connected to" in output and "fatal error" not in output:  # its port went away: it says nothing
        return FlashError("the connection to the board broke", remedy=_CABLE, step=step)
    said = [line for line in output.strip().splitlines() if line.strip()]
    last = said[-1].strip() if said else "it ended without a word"
    return FlashError(f"esptool: {last}", remedy=_CABLE, step=step)


def _fill(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", value or "")
    return text
