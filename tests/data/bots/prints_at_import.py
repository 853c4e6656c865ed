"""An echo that prints, as many a script does."""

from gateway.bots.echo import bot

print("hello from the bot")  # noqa: T201

__all__ = ["bot"]
