"""The files that settings come from: voicegw.toml, and the `.env` beside it."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from gateway.errors import ConfigError
from gateway.sections import is_path
from ground import folders, text
from ground.trouble import Trouble

_PATHS: Final = frozenset(
    {"data_dir", "cache_dir", "releases", "sentences", "tls_cert", "tls_key", "uploads_folder"}
)
_NATS: Final = frozenset({"password_file", "ca"})
_BOTS: Final = frozenset({"bot", "bots"})
_WORDS: Final = frozenset({"wake", "wakes", "attention"})
_ENGINES: Final = frozenset({"stt", "tts", "llm", "realtime"})


def stated_in(path: Path) -> dict[str, Any]:
    """The values of a settings file, with its relative paths counted from its own folder.

    Raises:
        ConfigError: it is not there, or is no TOML.
    """
    try:
        if folders.look(path, follow=False) is None:
            raise ConfigError(f"there is no settings file {path}", remedy="check --config")
        values = text.read_toml(path)
    except Trouble as error:
        raise ConfigError.of(error) from None
    return {name: _anchored(name, value, path.parent) for name, value in values.items()}


def _anchored(name: str, value: Any, folder: Path) -> Any:
    if name == "mcp" and isinstance(value, list):
        return [_with_program(server, folder) for server in value]
    if isinstance(value, Mapping):
        return {key: _anchored_within(name, key, item, folder) for key, item in value.items()}
    if name in _WORDS and isinstance(value, list):
        return [_from(folder, word) if _is_model(word) else word for word in value]
    return _from(folder, value) if name in _PATHS or (name in _BOTS and _is_file(value)) else value


def _anchored_within(name: str, key: str, value: Any, folder: Path) -> Any:
    if name in _ENGINES and key == "options" and isinstance(value, Mapping):
        return {k: _from(folder, v) if is_path(k) else v for k, v in value.items()}
    if name in _WORDS:
        return _anchored(name, value, folder)
    if name == "nats" and key in _NATS:
        return _from(folder, value)
    is_bot = name in _BOTS or (name == "phone" and key == "bot")
    return _from(folder, value) if is_bot and _is_file(value) else value


def _with_program(server: Any, folder: Path) -> Any:
    """A program by its name alone is one of PATH's."""
    command = server.get("command") if isinstance(server, Mapping) else None
    if not isinstance(command, list) or not command or "/" not in str(command[0]):
        return server
    return {**server, "command": [_from(folder, command[0]), *command[1:]]}


def _is_model(value: Any) -> bool:
    return isinstance(value, str) and value.endswith(".json")


def _is_file(value: Any) -> bool:
    return isinstance(value, str) and value.endswith(".py")


def _from(folder: Path, value: Any) -> Any:
    """What is no path, or an empty one, is left for the form to refuse."""
    return (
        str(folder / value)
        if isinstance(value, str) and value.strip() and not value.startswith("~")
        else value
    )


def env_beside(config: Path) -> dict[str, str]:
    """What the `.env` beside a settings file sets, as python-dotenv reads it; nothing where there is none.

    Raises:
        ConfigError: it cannot be read, or has a line that sets nothing.
    """
    path = config.parent / ".env"
    try:
        there = folders.look(path)
        if there is None or stat.S_ISDIR(there.st_mode):  # a folder of that name is a virtual environment
            return {}
        written = text.read(path)
    except Trouble as error:
        raise ConfigError.of(error) from None
    for found in parse_stream(io.StringIO(written)):
        if found.error or not _may_be_name(found.key):
            raise ConfigError(
                f"{path}: line {found.original.line} is not NAME=value", remedy="correct that line"
            )
    values = dotenv_values(stream=io.StringIO(written))
    kept = {name: value for name, value in values.items() if value is not None}
    for name, value in kept.items():
        try:
            os.fsencode(name + value)
        except UnicodeEncodeError:
            raise ConfigError(
                f"{path}: the environment here is {sys.getfilesystemencoding()}, which cannot hold {name}",
                remedy="start it with LC_ALL=C.UTF-8, or PYTHONUTF8=1",
            ) from None
    return kept


def _may_be_name(key: str | None) -> bool:
    return key is None or (bool(key) and "=" not in key)
