"""Loading a bot: a bundled one by name, a module, or a file, each with `async def bot(runner_args)`."""

from __future__ import annotations

import dis
import hashlib
import importlib
import importlib.util
import inspect
import itertools
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from gateway.bot import beside, missing
from gateway.errors import ConfigError
from ground import folders, text
from ground.trouble import Trouble

BUNDLED = ("assistant", "echo", "home_assistant", "realtime")
_WHAT_IS_ONE = f"name one of {', '.join(BUNDLED)}, a module such as package.module, or a `.py` file"
_RUNNER = "pipecat.runner.run"
_CONSTANTS = ("LOAD_CONST", "LOAD_SMALL_INT")
"""What puts a constant before a return, in any Python; there may also be a return of its own for it."""


class Lacks(ConfigError):
    """A bot's import lacks something. `requirement` is what pip would bring it by, where that is known."""

    requirement: str | None = None


Bot = Callable[[Any], Awaitable[None]]


def load(name: str) -> ModuleType:
    """Import a bot's module.

    Args:
        name: `echo`, `assistant`, `home_assistant` or `realtime`; a dotted module; or the path of a `.py` file.

    Raises:
        ConfigError: there is no such bot, it does not import, or it has no `async def bot(runner_args)`.
    """
    module = _import(name)
    if not _may_be_awaited(getattr(module, "bot", None)):
        raise ConfigError(
            f"{name} has no `async def bot(runner_args)`", remedy="add it, as Pipecat's bots do"
        )
    return module


def _may_be_awaited(bot: object) -> bool:
    """Whether a call of it may give what can be awaited. Pipecat's runner just tries: decorators do as they like."""
    if not inspect.isfunction(bot) or inspect.iscoroutinefunction(bot):
        return callable(bot)
    if inspect.isgeneratorfunction(bot) or inspect.isasyncgenfunction(bot):
        return False
    steps = itertools.pairwise(dis.get_instructions(bot))
    return any(last.opname == "RETURN_VALUE" and before.opname not in _CONSTANTS for before, last in steps)


def _import(name: str) -> ModuleType:
    folder = folders.working() or Path("/")
    try:
        if name in BUNDLED:
            return importlib.import_module(f"gateway.bots.{name}")
        beside.look_in(folder)
        if name.endswith(".py"):
            path = folders.expanded(Path(name)).resolve()
            folder = path.parent
            beside.enter(folder)
            return _import_file(path)
        return _import_module(name)
    except ConfigError:
        raise
    except Trouble as error:
        raise ConfigError.of(error) from None
    except (Exception, SystemExit) as error:
        if (lacking := missing.explain(error, folder)) is not None:
            lacks = Lacks(f"bot {name}: {lacking.what}", remedy=lacking.remedy)
            lacks.requirement = lacking.requirement
            raise lacks from error
        raise ConfigError(
            f"bot {name} does not import: {error!r}", remedy="run it by itself first"
        ) from error


def _import_module(name: str) -> ModuleType:
    if not all(name.split(".")) or os.sep in name:
        raise ConfigError(f"{name!r} is no bot", remedy=_WHAT_IS_ONE)
    return importlib.import_module(name)


def _is(module: ModuleType | None, path: Path) -> bool:
    """Whether a name that stands for this module, or for none yet, can be the file's."""
    return module is None or getattr(module, "__file__", None) == str(path)


def _import_file(path: Path) -> ModuleType:
    if not folders.names_file(path):
        raise ConfigError(f"there is no bot file {path}", remedy="check `bot` in the settings")
    if path.stem in sys.stdlib_module_names or "." in path.stem or not _is(sys.modules.get(path.stem), path):
        name = f"voicegw_bot_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    else:
        name = path.stem  # what its functions are to be found by, where it has them done by other processes
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _unserved(path):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextmanager
def _unserved(path: Path) -> Iterator[None]:
    """Meanwhile the runner's `main()` does nothing.

    A file that calls it without asking whether it is `__main__` would serve its bot by itself, and not be imported.
    """
    try:
        runner = importlib.import_module(_RUNNER) if _RUNNER in text.read(path) else None
    except (Trouble, ImportError):  # which the file's own import tells
        runner = None
    if runner is None:
        yield
        return
    main = vars(runner)["main"]
    vars(runner)["main"] = lambda *_, **__: None
    try:
        yield
    finally:
        vars(runner)["main"] = main
