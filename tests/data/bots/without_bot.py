"""A file without `async def bot(runner_args)`."""


def bot(runner_args: object) -> None:
    """Not a coroutine."""
