"""What Pipecat's own runner gives a bot, given here too: its arguments, its environment, `sys.argv` (docs/bots.md)."""

from __future__ import annotations

import argparse
import inspect
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from urllib.parse import urlsplit

from pipecat.runner.types import RunnerArguments, SmallWebRTCRunnerArguments, WebSocketRunnerArguments
from pipecat.utils.file_storage import FileStorage, LocalFileStorage

from gateway import sources
from gateway.bot.phone import PhoneLine
from gateway.wire.calls import BotJob
from ground import folders

ENVIRONMENT: Final[Mapping[str, str]] = {"ENV": "local"}
"""What the runner sets, whatever was there: a bot of Pipecat's tells by it that it is not in their cloud."""
_RUNNER: Final = "pipecat.runner.run"
_LEFT: Final[dict[str, dict[str, str]]] = {}
"""What the import of each bot has left in the environment."""
_FOLDER: Final[dict[str, str]] = {}
"""The working directory of those whose import has changed it."""


def arguments(job: BotJob, connection: object, module: ModuleType, tools: object = None) -> RunnerArguments:
    """What a bot is called with; `voicegw` beside Pipecat's own fields is ours (docs/bots.md).

    Raises:
        TypeError: the bot's `create_file_storage` is no plain function.
    """
    settings = job.own.get("settings", {})
    same: dict[str, Any] = {"session_id": job.session_id, "file_storage": _file_storage(module, settings)}
    given: RunnerArguments
    if isinstance(connection, PhoneLine):
        given = WebSocketRunnerArguments(websocket=connection.websocket, body=job.body, **same)
    else:
        given = SmallWebRTCRunnerArguments(webrtc_connection=connection, body=job.body, **same)
    given.cli_args = cli_args(settings, job.phone)
    vars(given)["voicegw"] = {**job.own, "tools": tools}
    return given


def cli_args(settings: Mapping[str, Any], phone: str | None = None) -> argparse.Namespace:
    """What the runner's command line comes to, started with `-t webrtc` where this gateway listens.

    Args:
        settings: the gateway's.
        phone: the provider of a call on the phone: then it is `-t PROVIDER --proxy HOST`.
    """
    return argparse.Namespace(
        host=settings.get("host", "localhost"),
        port=settings.get("port", 7860),
        transport=phone or "webrtc",
        proxy=None if phone is None else urlsplit(settings["phone"]["url"]).netloc,
        direct=False,
        downloads_folder=None,
        uploads_folder=settings.get("uploads_folder"),
        uploads_folder_max_files=settings.get("uploads_folder_max_files", 10),
        runner_body=None,
        verbose=0,
        dialin=True,
        esp32=False,
        whatsapp=False,
        ws_auth="none",
        ice_servers=[],
        allowed_origins=[],
        moq_connect=None,
        moq_bind="[::]:4080",
        moq_serve=True,
        moq_namespace="pipecat",
        moq_bot_id="response",
        moq_client_id="request",
        moq_tls_cert=None,
        moq_tls_key=None,
        moq_tls_insecure=False,
        moq_tls_generate="localhost",
        moq_host="localhost",
        moq_port=4080,
        moq_path="/moq",
        moq_tls_host="localhost",
    )


def _file_storage(module: ModuleType, settings: Mapping[str, Any]) -> FileStorage | None:
    make = getattr(module, "create_file_storage", None)
    if make is None:
        folder = settings.get("uploads_folder")
        return LocalFileStorage(folder, settings["uploads_folder_max_files"]) if folder else None
    if inspect.iscoroutinefunction(make):
        raise TypeError("create_file_storage() must be synchronous")
    made: FileStorage | None = make()
    return made


def tell_runner(settings: Mapping[str, Any]) -> None:
    """Have `runner_host()` and its like tell what is true here, where a bot has imported them."""
    if (runner := sys.modules.get(_RUNNER)) is not None:
        vars(runner).update(RUNNER_HOST=settings.get("host"), RUNNER_PORT=settings.get("port"))


def settle(bot: str) -> None:
    """Make this process look to a bot as `python bot.py` does.

    Raises:
        ConfigError: there is a `.env` beside the bot's file that cannot be read.
    """
    os.environ.update(_environment(bot) | _LEFT.get(bot, {}))
    sys.argv = [bot]
    if (folder := _FOLDER.get(bot)) is not None:
        os.chdir(folder)


@contextmanager
def importing(bot: str) -> Iterator[None]:
    """The same while a bot is imported into a process that others share.

    What its import sets in the environment, and where it goes, is taken back, and is there again once this process, or
    a fork of it, settles for this bot: a `.env` that overrides all else is not another bot's.
    """
    before, argv, folder = dict(os.environ), sys.argv, folders.working()
    settle(bot)
    try:
        yield
    finally:
        sys.argv = argv
        if (now := folders.working()) != folder and now is not None:
            _FOLDER[bot] = str(now)
            os.chdir(folder or "/")
        _LEFT[bot] = {name: value for name, value in os.environ.items() if before.get(name) != value}
        for name in _LEFT[bot]:
            if name in before:
                os.environ[name] = before[name]
            else:
                del os.environ[name]


def _environment(bot: str) -> dict[str, str]:
    """What the runner sets, and what the `.env` beside the bot's file sets where the environment does not."""
    beside = sources.env_beside(Path(bot)) if bot.endswith(".py") else {}
    return {**{name: value for name, value in beside.items() if name not in os.environ}, **ENVIRONMENT}
