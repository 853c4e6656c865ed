"""What the command begins with, before anything of it is imported."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Run the command. Ctrl-C while it is still being imported ends it, with nothing to tell of where that was."""
    wanted = signal.getsignal(signal.SIGINT)
    if wanted is signal.default_int_handler:  # else whoever started us has it ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ["LOGURU_AUTOINIT"] = "False"  # else a LOGURU_LEVEL in small letters, say, ends its import
    from gateway.cli import main as command

    signal.signal(signal.SIGINT, wanted)
    command.main()
