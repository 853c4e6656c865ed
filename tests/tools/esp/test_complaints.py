"""What esptool 5.6 prints when it fails; the phrases are its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.esp import complaints
from tools.esp.esptool_process import Piece, _Progress

FATAL = "A fatal error occurred: "
OPEN = (
    f"{FATAL}Could not open P, the port is busy or doesn't exist.\n"
    "([Errno {0}] could not open port P: [Errno {0}] {1}: 'P')"
)


@pytest.mark.parametrize(
    ("output", "cause", "remedy"),
    [
        (FATAL + "Failed to connect to ESP32-S3: No serial data received.", "no ESP answers on P", "BOOT"),
        (FATAL + "Failed to connect to ESP32-C3: Wrong boot mode detected (0x13)!", "download mode", "BOOT"),
        (
            FATAL + "This chip is ESP32-C3, not ESP32-S3. Wrong chip argument?",
            "ESP32-C3, not an ESP32-S3",
            "chip",
        ),
        (
            FATAL + "'x.bin' is not an ESP32-C3 image. Use --force to flash anyway.",
            "not for ESP32-C3",
            "chip",
        ),
        (FATAL + "MD5 of file does not match data in flash!", "does not read back", "115200"),
        (
            FATAL + "File 'x' (length 9) at offset 0x00020000 will not fit in 4194304 bytes of flash.",
            "4194304",
            "board",
        ),
        (FATAL + "Serial data stream stopped: Possible serial noise or corruption.", "connection", "cable"),
        (
            "Connected to ESP32-C3 on P:\nWriting at 0x000240a0 ━━ 12.1%\n\nHard resetting via RTS pin...\n",
            "broke",
            "cable",
        ),
        (OPEN.format(13, "Permission denied"), "may not use P", "log out"),
        (OPEN.format(2, "No such file or directory"), "no port P", "devices"),
        (FATAL + "The moon is full.", "The moon is full", "cable"),
        ("", "without a word", "cable"),
    ],
)
def test_each_failure_has_a_cause_and_a_remedy(output: str, cause: str, remedy: str) -> None:
    error = complaints.explain(output, "write", "P")
    assert cause in error.cause
    assert remedy in error.remedy


def test_progress_is_of_all_pieces_together() -> None:
    told: list[float] = []
    pieces = [Piece(0, Path("a"), 1000), Piece(0x10000, Path("b"), 3000)]
    progress = _Progress(pieces, told.append)
    for line in (
        "Writing at 0x000001f4 ━━━━  50.0% 0.30kB/0.60kB [0s] ",
        "Writing at 0x000003e8 ━━━━━━━━ 100.0% 0.60kB/0.60kB [0s] ",
        "Wrote 1000 bytes (600 compressed) at 0x00000000 in 0.1 seconds.",
        "Writing at 0x000103e8 ━━━━  33.0% 1.00kB/3.00kB [0s] ",
        "Writing at 0x00010bb8 ━━━━━━━━━ 100.0% 3.00kB/3.00kB [0s] ",
    ):
        progress.line(line)
    assert told == [0.125, 0.25, 0.5, 1.0]
