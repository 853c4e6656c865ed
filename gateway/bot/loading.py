"""Loading a bot: a bundled one by name, a module, or a file, each with `async def bot(runner_args)`."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from gateway.errors import ConfigError
from ground import folders
from ground.trouble import Trouble

BUNDLED = ("assistant", "echo", "realtime")

Bot = Callable[[Any], Awaitable[None]]


def load(name: str) -> ModuleType:
    """Import a bot's module.

    Args:
        name: `echo`, `assistant` or `realtime`; a dotted module; or the path of a `.py` file.

    Raises:
        ConfigError: there is no such bot, it does not import, or it has no `async def bot(runner_args)`.
    """
    module = _import(name)
    if not inspect.iscoroutinefunction(getattr(module, "bot", None)):
        raise ConfigError(
            f"{name} has no `async def bot(runner_args)`", remedy="add it, as Pipecat's bots do"
        )
    return module


def _import(name: str) -> ModuleType:
    try:
        if name in BUNDLED:
            return importlib.import_module(f"gateway.bots.{name}")
        _look_in(Path.cwd())
        if name.endswith(".py"):
            return _import_file(folders.expanded(Path(name)).resolve())
        return importlib.import_module(name)
    except ConfigError:
        raise
    except Trouble as error:
        raise ConfigError.of(error) from None
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"bot {name}: there is no module {error.name}",
            remedy=f"install it, or set `bot` to one of {', '.join(BUNDLED)}, a module or a .py file",
        ) from error
    except Exception as error:
        raise ConfigError(
            f"bot {name} does not import: {error!r}", remedy="run it by itself first"
        ) from error


def _look_in(folder: Path) -> None:
    """Find a bot's modules there before all others, as Python itself does for a program that is run there."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"there is no bot file {path}", remedy="check `bot` in the settings")
    name = f"voicegw_bot_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
