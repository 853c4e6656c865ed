"""The modules that lie beside a bot's file: found as `python bot.py` finds them, and no other bot's."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

_OURS = frozenset({"gateway", "ground", "__main__"})
"""Which lie beside a bot that is in a checkout of ours."""
_kept: dict[Path, dict[str, ModuleType]] = {}
_entered: list[Path] = []


def look_in(folder: Path) -> None:
    """Find modules there before all others, as Python does for a program that is run there."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def enter(folder: Path) -> None:
    """Let imports find what lies in this folder, first of all, and no more what lies in another bot's.

    Two bots may each have a `helpers.py`: what was imported from the folder that is left waits for the way back.
    """
    if _entered == [folder]:
        return
    for other in _entered:
        _leave(other)
    _entered[:] = [folder]
    sys.path.insert(0, str(folder))
    sys.modules.update(_kept.pop(folder, {}))


def _leave(folder: Path) -> None:
    tops = {name for name, module in sys.modules.items() if "." not in name and _lies_in(module, folder)}
    names = [name for name in sys.modules if name.split(".")[0] in tops - _OURS]
    _kept[folder] = {name: sys.modules.pop(name) for name in names}
    if str(folder) in sys.path:
        sys.path.remove(str(folder))


def _lies_in(module: ModuleType, folder: Path) -> bool:
    if (file := getattr(module, "__file__", None)) is not None:
        path = Path(file)
        return folder in ((path.parent.parent,) if path.name == "__init__.py" else (path.parent,))
    return any(Path(place).parent == folder for place in getattr(module, "__path__", ()))
