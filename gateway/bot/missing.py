"""What a bot's import lacks, and what would bring it: an extra of Pipecat, a new name of a moved module, a file."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Final

from ground import folders, installing, text
from ground.trouble import Trouble

_EXTRA: Final = re.compile(r"pipecat-ai\[([a-z0-9_-]+)\]")
_REQUIREMENT: Final = re.compile(r"([A-Za-z0-9._-]+).*extra == ['\"]([^'\"]+)")
_PACKAGES: Final = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "pipecat_flows": "pipecat-ai-flows",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""Modules whose package is called otherwise."""
_PYTHON: Final = "a file of Python's, in UTF-8, is wanted"
_ENVIRON: Final = ("<frozen os>", os.__file__)
_NOT_LOOKED_INTO: Final = frozenset({"node_modules", "site-packages", "__pycache__"})


@dataclass(frozen=True, slots=True)
class Missing:
    """What an import lacks, and what to do about it."""

    what: str
    remedy: str
    requirement: str | None = None
    """What pip would bring it by, where that is known and not only guessed from its name."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An import statement."""

    module: str
    names: tuple[str, ...]
    relative: bool


def explain(error: BaseException, folder: Path) -> Missing | None:
    """What would bring what an import lacked; `None` where it failed for another reason.

    Args:
        error: what the import of the bot raised.
        folder: where the bot's own modules lie.
    """
    if (lacking := _import_error(error)) is None:
        return _otherwise(error)
    wanted = _statement(lacking)
    if wanted is not None and wanted.relative and lacking.name is None:
        return Missing(
            "an import that begins with a dot works in packages only",
            f"write `from {wanted.module or '…'} import …`, or name the bot as a module: package.module",
        )
    name = wanted.module if wanted and lacking.name and _is_within(lacking.name, wanted.module) else ""
    name = name or lacking.name or ""
    if _top(name) == "pipecat":
        return _of_pipecat(name, wanted.names if wanted else ())
    if not isinstance(lacking, ModuleNotFoundError):
        return Missing(str(lacking), "see what that module has")
    return _elsewhere(name, folder) or _package(name, error)


def _otherwise(error: BaseException) -> Missing | None:
    """What keeps it from being imported where no module is missing."""
    if isinstance(error, SyntaxError):
        where = f"{Path(error.filename or '').name}, line {error.lineno}: " if error.lineno else ""
        return Missing(f"{where}{error.msg}", _PYTHON)
    if isinstance(error, ValueError) and "contain null bytes" in str(error):  # as Python before 3.11.4 has it
        return Missing(str(error), _PYTHON)
    if isinstance(error, SystemExit):
        said = f": {error.code}" if isinstance(error.code, str) else f" with status {error.code or 0}"
        return Missing(
            f"it ends while it is imported{said}", "import it by itself first: it is given no options here"
        )
    if isinstance(error, KeyError) and [*_lines(error.__traceback__)][-1][0] in _ENVIRON:
        return Missing(
            f"{error.args[0]} is not in the environment", "put it into .env beside voicegw.toml or the bot"
        )
    return None


def _import_error(error: BaseException | None) -> ImportError | None:
    """The import that failed; Pipecat's modules raise an error of their own in its place."""
    first: ImportError | None = None
    for _ in range(8):
        if error is None or isinstance(error, ModuleNotFoundError):
            return error or first
        if isinstance(error, ImportError):
            first = first or error
        error = error.__cause__ or error.__context__
    return first


def _is_within(part: str, module: str) -> bool:
    return module == part or module.startswith(f"{part}.")


def _statement(error: ImportError) -> _Wanted | None:
    """The statement that failed: the last one in the trace that is no part of Python's import."""
    for file, line in reversed([*_lines(error.__traceback__)]):
        if file.startswith("<"):
            continue
        try:
            tree = ast.parse(text.read(Path(file)))
        except (Trouble, SyntaxError, ValueError):  # the last of null bytes, before Python 3.11.4
            return None
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom) and node.lineno <= line <= (
                node.end_lineno or 0
            ):
                return _wanted(node, error.name)
        return None
    return None


def _wanted(node: ast.Import | ast.ImportFrom, name: str | None) -> _Wanted:
    names = tuple(alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return _Wanted(node.module or "", names, bool(node.level))
    found = [module for module in names if name and _is_within(name, module)]
    return _Wanted(found[0] if found else names[0], (), relative=False)


def _lines(trace: TracebackType | None) -> Iterator[tuple[str, int]]:
    while trace is not None:
        yield trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next


def _of_pipecat(module: str, names: tuple[str, ...]) -> Missing:
    version = metadata.version("pipecat-ai")
    lacking = [name for name in names if name != "*"]
    found = {where: name for name in lacking for where in _that_define(name)}
    what = f"Pipecat {version} has no {module}" if not _exists(module) else ""
    what = what or f"{module} of Pipecat {version} has no {', '.join(lacking)}"
    if found:
        where = min(found, key=lambda m: (len(m.split(".")), m))
        return Missing(what, f"it has moved: `from {where} import {found[where]}`")
    return Missing(what, "look for its new name in Pipecat's changelog")


def _exists(module: str) -> bool:
    parts = module.split(".")
    return all(_spec(".".join(parts[: n + 1])) for n in range(len(parts)))


def _spec(module: str) -> bool:
    """Whether it is there; the packages that it lies in are imported for that."""
    try:
        return find_spec(module) is not None
    except Exception:  # noqa: BLE001 -- whatever such a package does
        return False


def _that_define(name: str) -> Iterator[str]:
    """The modules of Pipecat that define a class or function of this name."""
    spec = find_spec("pipecat")
    defines = re.compile(rf"^(class|def|async def) {re.escape(name)}\b", re.MULTILINE)
    for root in spec.submodule_search_locations or [] if spec else []:
        for path in sorted(Path(root).rglob("*.py")):
            if defines.search(text.read(path)):
                yield ".".join(("pipecat", *path.relative_to(root).with_suffix("").parts))


def _elsewhere(module: str, folder: Path) -> Missing | None:
    """Whether there is such a file near the bot, or where the gateway was started."""
    top = _top(module)
    near = [folder.parent, folders.working() or folder, *(p for p in _beside(folder) if _is_looked_into(p))]
    for place in near:
        for file in (place / f"{top}.py", place / top / "__init__.py"):
            if folders.is_file(file):
                return Missing(
                    f"there is no module {module}",
                    f"{file} is not beside the bot's file: move it there, or set PYTHONPATH={place}",
                )
    return None


def _beside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:  # it may be searched by name only, or is gone
        return []


def _is_looked_into(path: Path) -> bool:
    return folders.is_folder(path) and not path.name.startswith(".") and path.name not in _NOT_LOOKED_INTO


def _package(module: str, error: BaseException) -> Missing:
    what = f"there is no module {module}"
    version = metadata.version("pipecat-ai")
    top = _top(module)
    if (extra := _extra_named(error) or _extra_with(top)) is not None:
        return _brought(what, f"pipecat-ai[{extra}]=={version}")
    if (package := _PACKAGES.get(top)) is not None:
        return _brought(what, package)
    return Missing(what, f"put its file beside the bot's, or, if it is a package: {installing.line(top)}")


def _brought(what: str, requirement: str) -> Missing:
    return Missing(what, installing.line(requirement), requirement)


def _top(module: str) -> str:
    return module.partition(".")[0]


def _extra_named(error: BaseException) -> str | None:
    """The extra that a module of Pipecat names where its own import fails."""
    for file, _ in reversed([*_lines(error.__traceback__)]):
        if "/pipecat/" in file and (found := _EXTRA.findall(text.read(Path(file)))):
            return str(found[0])
    return None


def _extra_with(module: str) -> str | None:
    """The extra of Pipecat that brings a package of this name."""
    plain = module.replace("_", "-").lower()
    for requirement in metadata.requires("pipecat-ai") or []:
        found = _REQUIREMENT.match(requirement)
        if found and found[1].replace("_", "-").lower() == plain:
            return found[2]
    return None
