"""What the command begins with, before anything of it is imported."""

from __future__ import annotations

import signal


def main() -> None:
    """Run the command. Ctrl-C while it is still being imported ends it, with nothing to tell of where that was."""
    wanted = signal.getsignal(signal.SIGINT)
    if wanted is signal.default_int_handler:  # else whoever started us has it ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from gateway.cli import main as command

    signal.signal(signal.SIGINT, wanted)
    command.main()
