"""A bot that raises before its call begins."""


async def bot(runner_args: object) -> None:
    """Raise."""
    raise RuntimeError("no microphone cable")
