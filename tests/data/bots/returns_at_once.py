"""A bot that ends before its call begins."""


async def bot(runner_args: object) -> None:
    """Do nothing."""
