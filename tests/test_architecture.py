"""The import rules of docs/architecture.md, read off the code."""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GATEWAY = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "gateway").rglob("*.py"))
}
STANDARD = set(sys.stdlib_module_names)


@functools.cache
def imports(path: Path, module: str) -> set[str]:
    """The dotted names that a module imports, wherever in it."""
    tree = ast.parse(path.read_text())
    return set(_imported(tree, module if path.name == "__init__.py" else module.rpartition(".")[0]))


def _imported(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *([base] if base else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def importers(package: str) -> set[str]:
    """The modules of the gateway that import a package or anything in it."""
    return {
        module
        for module, path in GATEWAY.items()
        if any(name == package or name.startswith(package + ".") for name in imports(path, module))
    }


def rooms(modules: set[str], *rooms: str) -> set[str]:
    """Those of the modules that are in none of the rooms."""
    return {m for m in modules if not any(m == room or m.startswith(room + ".") for room in rooms)}


def closure(module: str) -> set[str]:
    """A module and all modules of ours that it needs."""
    found: set[str] = set()
    waiting = {module}
    while waiting:
        module = waiting.pop()
        found.add(module)
        waiting |= {name for name in imports(GATEWAY[module], module) if name in GATEWAY} - found
    return found - {"gateway", "gateway.rtc"}  # the packages themselves, which hold nothing


@pytest.mark.parametrize(
    "pure", ["gateway.sdp", "gateway.rtc.jitter", "gateway.settings", "gateway.errors", "gateway.calls"]
)
def test_the_pure_rooms_see_the_standard_library_and_pydantic_only(pure: str) -> None:
    allowed = STANDARD | {"pydantic", "pydantic_settings", "gateway"}
    roots = {name.split(".")[0] for module in closure(pure) for name in imports(GATEWAY[module], module)}
    assert roots - allowed == set()


def test_the_packages_that_the_pure_rooms_lie_in_hold_nothing() -> None:
    assert imports(GATEWAY["gateway.rtc"], "gateway.rtc") == set()
    assert imports(GATEWAY["gateway"], "gateway") <= {"__future__", "__future__.annotations"}


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("fastapi", ("gateway.app", "gateway.routes")),
        ("starlette", ("gateway.app", "gateway.routes")),
        (
            "pipecat",
            ("gateway.rtc", "gateway.session", "gateway.bots", "gateway.speech", "gateway.turns",
             "gateway.pipecat_setup"),
        ),
        ("zeroconf", ("gateway.discovery",)),
        ("sqlite3", ("gateway.devices",)),
        ("aiosqlite", ("gateway.devices",)),
        ("aiortc", ("gateway.rtc", "gateway.session", "gateway.talk")),
        ("aioice", ("gateway.rtc.stock",)),
        ("prometheus_client", ("gateway.telemetry",)),
        ("uvicorn", ("gateway.server",)),
        ("typer", ("gateway.cli", "gateway.cli_common", "gateway.cli_devices", "gateway.cli_tools")),
        ("serial", ()),
        ("esptool", ()),
        ("tools", ()),
        ("hil", ()),
        ("tests", ()),
    ],
)  # fmt: skip
def test_a_package_stays_in_its_rooms(package: str, allowed: tuple[str, ...]) -> None:
    assert rooms(importers(package), *allowed) == set()


@pytest.mark.parametrize(
    ("room", "users"),
    [
        ("gateway.routes", ("gateway.routes", "gateway.app")),
        ("gateway.app", ("gateway.server",)),
        ("gateway.server", ("gateway.cli",)),
        ("gateway.cli", ("gateway.__main__",)),
        ("gateway.rtc", ("gateway.rtc", "gateway.session", "gateway.talk")),
        ("gateway.session", ("gateway.host", "gateway.pipecat_setup", "gateway.bots")),
        ("gateway.speech", ("gateway.speech", "gateway.bots")),
        ("gateway.bots", ("gateway.bots", "gateway.session", "gateway.host", "gateway.speech")),
    ],
)
def test_a_room_is_entered_by_its_users_only(room: str, users: tuple[str, ...]) -> None:
    assert rooms(importers(room), *users, room) == set()


def test_private_details_of_the_stack_are_touched_in_stock_alone() -> None:
    touched = {}
    for module, path in GATEWAY.items():
        if module == "gateway.rtc.stock" or not importers("aiortc") & {module}:
            continue
        mangled = [
            node.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute) and node.attr.startswith("_RTC")
        ]
        touched.update({module: mangled} if mangled else {})
    assert touched == {}


def test_only_settings_reads_the_environment() -> None:
    readers = {
        module
        for module, path in GATEWAY.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"})
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and "environ" in str(ast.dump(node)))
    }
    passed_on = {
        "gateway.process",  # to a child process
        "gateway.host",  # Pipecat's hook for set-up files
    }
    assert readers - passed_on == {"gateway.settings"}


@pytest.mark.parametrize("folder", ["tools", "hil"])
def test_tools_and_rig_never_import_the_gateway(folder: str) -> None:
    guilty = {
        str(path.relative_to(ROOT))
        for path in (ROOT / folder).rglob("*.py")
        if any(name.split(".")[0] == "gateway" for name in imports(path, folder))
    }
    assert guilty == set()


def test_tools_run_what_is_gpl_as_a_process_and_stand_below_the_rig() -> None:
    forbidden = {"esptool", "esp_coredump", "esp_idf_nvs_partition_gen", "hil", "tests"}
    guilty = {
        str(path.relative_to(ROOT)): found
        for path in (ROOT / "tools").rglob("*.py")
        if (found := {name.split(".")[0] for name in imports(path, "tools")} & forbidden)
    }
    assert guilty == {}


def test_no_module_of_the_gateway_does_anything_when_imported() -> None:
    """Nothing but definitions, constants, docstrings and guards at the top level."""
    calls = {}
    for module, path in GATEWAY.items():
        if module == "gateway.__main__":
            continue
        loose = [
            ast.unparse(node)
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Call)
            and ast.unparse(node.value.func) not in {"app.add_typer", "cli_tools.add_to"}
        ]
        calls.update({module: loose} if loose else {})
    assert calls == {}


def test_the_rules_see_imports_of_every_kind(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text(
        "import a.b\nfrom c import d\ndef f():\n    from . import e\n    from ..g import h\n    import i as j\n"
    )
    assert imports(path, "top.mid.x") == {"a.b", "c", "c.d", "top.mid", "top.mid.e", "top.g", "top.g.h", "i"}
