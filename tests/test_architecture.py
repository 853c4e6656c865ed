"""The import rules of docs/architecture.md, read off the code."""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def modules(package: str) -> dict[str, Path]:
    """The modules of a package at the top level, by their dotted names."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted((ROOT / package).rglob("*.py"))
    }


GATEWAY = modules("gateway")
GROUND_OF_ALL = modules("ground")
ALL = GATEWAY | GROUND_OF_ALL | modules("tools") | modules("hil") | modules("bench")
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
    return found


GROUND = {
    f"gateway.{name}"
    for name in (
        "errors",
        "environment",
        "sections",
        "settings",
        "sources",
        "ice_servers",
        "logs",
        "sentry",
        "flood",
        "rate",
        "recurring",
        "processes",
    )
}
MAY_SEE = {
    "gateway.cli": {"gateway.front", "gateway.hosting", "gateway.bus", "gateway.rtc", "gateway.wire"},
    "gateway.hosting": {"gateway.front", "gateway.bus", "gateway.wire"},
    "gateway.front": {"gateway.media", "gateway.bus", "gateway.wire"},
    "gateway.media": {"gateway.rtc", "gateway.wire"},
    "gateway.bot": {"gateway.rtc", "gateway.wire"},
    "gateway.bots": {"gateway.speech"},
    "gateway.rtc": {"gateway.wire"},
    "gateway.speech": set(),
    "gateway.bus": {"gateway.wire"},
    "gateway.wire": set(),
    "tools.board": {"tools.releases"},
    "tools.esp": {"tools.board"},
    "tools.releases": set(),
    "hil.path": set(),
    "hil.record": {"hil.path"},
    "hil.report": {"hil.record"},
    "hil.simboard": {"tools.esp"},
    "hil.backends": {"hil.simboard", "tools.board", "tools.esp", "tools.releases"},
}
"""Whose modules a room may import, beside its own and those that lie in no room. It only ever runs down."""


def room(module: str) -> str:
    """The folder that a module lies in, as `gateway.front`; empty where it lies in none."""
    parts = module.split(".")
    return ".".join(parts[:2]) if len(parts) > 2 or ALL.get(module, Path()).name == "__init__.py" else ""


@pytest.mark.parametrize("name", MAY_SEE)
def test_a_room_sees_the_rooms_below_it_only(name: str) -> None:
    seen = {
        room(found)
        for module, path in ALL.items()
        if room(module) == name
        for found in imports(path, module)
        if found in ALL
    }
    assert {r for r in seen if r.count(".")} - {name} <= MAY_SEE[name]


def test_every_module_of_the_gateway_stands_in_a_room_or_on_the_ground() -> None:
    rooms_of = {module: room(module) for module in GATEWAY}
    assert {m for m, r in rooms_of.items() if r.count(".") == 0} == {"gateway", "gateway.__main__"} | GROUND
    assert {r for r in rooms_of.values() if r.count(".")} == {r for r in MAY_SEE if r.startswith("gateway.")}


def test_the_ground_sees_no_room() -> None:
    for module in GROUND:
        assert {n for n in imports(GATEWAY[module], module) if n in GATEWAY} <= GROUND | {"gateway"}


def test_no_two_files_need_each_other_in_a_circle() -> None:
    needs = {m: {n for n in imports(p, m) if n in ALL} - {m} - packages(m) for m, p in ALL.items()}
    assert circle(needs) == []


def packages(module: str) -> set[str]:
    """The packages that a module lies in: importing it imports them, and they hold nothing."""
    parts = module.split(".")
    return {".".join(parts[:n]) for n in range(1, len(parts))}


def circle(needs: dict[str, set[str]]) -> list[str]:
    """The modules that need each other in a circle, or nothing."""
    left = dict(needs)
    while free := [m for m, wanted in left.items() if not wanted & left.keys()]:
        for module in free:
            del left[module]
    return sorted(left)


def test_a_circle_is_seen() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["a", "b", "c"]
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []


PURE = [
    "errors",
    "environment",
    "sections",
    "settings",
    "sources",
    "bus.crossing",
    "bus.subjects",
    "bus.trust",
    "wire.calls",
    "wire.events",
    "wire.headroom",
    "wire.hosts",
    "wire.messages",
    "wire.promises",
    "wire.route",
    "wire.sdp",
    "wire.sdp_lint",
    "wire.template",
    "wire.tools",
]
PURE_RTC = ["rtc.arrival", "rtc.jitter", "rtc.red", "rtc.rtp"]
NUMERIC = ["rtc.lateness", "rtc.pacer"]


@pytest.mark.parametrize("pure", [f"gateway.{name}" for name in [*PURE, *PURE_RTC]])
def test_the_pure_modules_see_the_standard_library_and_pydantic_only(pure: str) -> None:
    allowed = STANDARD | {"pydantic", "pydantic_settings", "dotenv", "gateway", "ground"}
    roots = {name.split(".")[0] for module in closure(pure) for name in imports(GATEWAY[module], module)}
    assert roots - allowed == set()


@pytest.mark.parametrize("pure", [f"gateway.{name}" for name in NUMERIC])
def test_those_that_reckon_with_sound_see_numpy_besides(pure: str) -> None:
    roots = {name.split(".")[0] for module in closure(pure) for name in imports(GATEWAY[module], module)}
    assert roots - STANDARD - {"gateway", "ground", "numpy"} == set()


def test_what_words_mean_is_found_without_sound_or_network() -> None:
    inside = {module for module in GATEWAY if module.startswith("gateway.speech.meaning")}
    needed = set().union(*map(closure, inside)) - GROUND
    assert {module for module in needed if module.startswith("gateway.")} == inside
    roots = {name.split(".")[0] for module in inside for name in imports(GATEWAY[module], module)}
    words = {"hassil", "home_assistant_intents", "num2words"}
    assert roots - STANDARD - {"gateway", "ground", "pydantic", "yaml"} == words
    assert roots & {"asyncio", "socket", "subprocess", "threading", "wave"} == set()


@pytest.mark.parametrize("light", ["media.bots", "wire.template", "media.ears"])
def test_what_begins_bots_or_hears_for_them_loads_neither_them_nor_pipecat(light: str) -> None:
    needed = closure(f"gateway.{light}")
    assert {room(module) for module in needed} & {"gateway.bot", "gateway.bots", "gateway.rtc"} == set()
    roots = {name.split(".")[0] for module in needed for name in imports(GATEWAY[module], module)}
    assert roots & {"pipecat", "aiortc", "onnxruntime"} == set()
    assert "numpy" not in roots or light == "media.ears"


def test_packages_hold_nothing() -> None:
    for module, path in GATEWAY.items():
        if path.name == "__init__.py":
            assert imports(path, module) <= {"__future__", "__future__.annotations"}


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("fastapi", ("front.app", "front.routes")),
        ("starlette", ("front.app", "front.routes", "bot.phone")),
        ("pipecat", ("rtc", "bot", "bots", "speech")),
        ("zeroconf", ("front.announcing", "front.discovery")),
        ("sqlite3", ("front.registry_file",)),
        ("aiosqlite", ("front.registry_file",)),
        ("aiortc", ("rtc", "media.session", "bot.connection", "bot.stock", "bot.track", "cli.talk")),
        ("aioice", ("rtc.stock", "rtc.alive")),
        ("nats", ("bus.connection", "bus.shelf")),
        ("prometheus_client", ("front.telemetry", "front.costs")),
        ("opentelemetry", ("front.otel",)),
        ("sentry_sdk", ("sentry",)),
        ("aiomqtt", ("front.mqtt",)),
        ("wyoming", ("speech.wyoming", "media.wyoming_words")),
        ("dotenv", ("sources",)),
        ("rich.console", ()),
        ("uvicorn", ("front.server",)),
        (
            "typer",
            (
                "cli.main",
                "cli.common",
                "cli.bots",
                "cli.devices",
                "cli.identity",
                "cli.memory",
                "cli.nats",
                "cli.tools",
            ),
        ),
        ("serial", ()),
        ("esptool", ()),
        ("tools", ()),
        ("hil", ()),
        ("tests", ()),
    ],
)
def test_a_package_stays_in_its_rooms(package: str, allowed: tuple[str, ...]) -> None:
    assert rooms(importers(package), *(f"gateway.{name}" for name in allowed)) == set()


@pytest.mark.parametrize(
    ("entered", "users"),
    [
        ("front.routes", ("front.app",)),
        ("front.app", ("front.server",)),
        ("front.server", ("cli.main",)),
        ("cli.main", ("cli.entry",)),
        ("cli.entry", ("__main__",)),
        ("front.places", ("front.parts", "front.switchboard", "front.lines", "hosting")),
        ("hosting", ("cli.main",)),
        ("bus", ("cli.nats", "front.places.hosts", "front.shared", "hosting")),
        ("front.shared", ("front.parts", "front.running", "cli.devices")),
        ("media.session", ("media.host",)),
        ("media.exchange", ("media.session",)),
        ("media.line", ("media.host",)),
        ("media.template", ("media.bots",)),
        ("bot.template", ("bot.main",)),
        ("bot.nursery", ("bot.template",)),
        ("bot.child", ("bot.main", "bot.nursery", "bot.template")),
        ("media.host", ("media.main", "front.places.workers")),
        (
            "rtc",
            (
                "media.session",
                "media.exchange",
                "media.echo",
                "media.seat",
                "media.whole",
                "bot.whole",
                "cli.talk",
            ),
        ),
    ],
)
def test_a_module_is_entered_by_its_users_only(entered: str, users: tuple[str, ...]) -> None:
    found = rooms(importers(f"gateway.{entered}"), *(f"gateway.{name}" for name in (*users, entered)))
    assert found == set()


def test_a_host_sees_of_the_front_its_places_alone() -> None:
    found = {
        n for m, p in GATEWAY.items() if room(m) == "gateway.hosting" for n in imports(p, m) if n in GATEWAY
    }
    allowed = {"gateway.front.places", "gateway.front.places.place", "gateway.front.places.workers"}
    assert {name for name in found if name.startswith("gateway.front.")} <= allowed


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


def test_only_settings_and_environment_read_it() -> None:
    readers = {
        module
        for module, path in GATEWAY.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"})
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and "environ" in str(ast.dump(node)))
    }
    passed_on = {
        "gateway.front.places.process",  # to a child process
        "gateway.cli.entry",  # to loguru, as it is imported
        "gateway.bot.run",  # Pipecat's hook for set-up files
        "gateway.media.template",  # to a child process
        "gateway.bot.nursery",  # likewise
        "gateway.bot.template",  # to the bots, what their engines have set
        "gateway.bot.child",  # likewise
        "gateway.bot.given",  # to a bot, what Pipecat's runner sets
    }
    assert readers - passed_on == {"gateway.settings", "gateway.environment"}


@pytest.mark.parametrize("folder", ["tools", "hil"])
def test_tools_and_rig_never_import_the_gateway(folder: str) -> None:
    guilty = {
        str(path.relative_to(ROOT))
        for path in (ROOT / folder).rglob("*.py")
        if any(name.split(".")[0] == "gateway" for name in imports(path, folder))
    }
    assert guilty == set()


def test_what_all_stand_on_sees_none_of_them() -> None:
    for module, path in GROUND_OF_ALL.items():
        roots = {name.split(".")[0] for name in imports(path, module)}
        assert roots - STANDARD - {"ground"} <= ({"rich"} if module == "ground.terminal" else set())


OWN_DATA = {
    "gateway.speech.meaning.sentences",  # what the package brings along
    "gateway.speech.language_model",
    "gateway.front.releases",  # bytes, of bounded number, for pydantic
    "gateway.front.peers",  # /proc
    "gateway.front.places.cores",  # likewise
    "gateway.front.places.cgroups",  # likewise
    "gateway.front.places.memory",  # likewise
    "gateway.front.promise_book",  # likewise
    "gateway.front.server",  # a secret of its own
    "gateway.cli.talk",  # sound
    "gateway.hosting.measure",  # /proc
    "gateway.media.main",  # likewise
    "gateway.processes",  # likewise
    "gateway.media.template",  # a pipe
    "gateway.wire.ipc",  # a folder, for what lies in it
    "gateway.speech.recognition",  # an engine
    "gateway.speech.moonshine",  # a package's tokens
    "gateway.media.words",  # eight bytes of a model
    "tools.private",  # written, not read
    "tools.board.traces",  # ELF
    "tools.esp.nvs",  # images
    "tools.esp.esptool_process",  # a piece of flash
    "tools.releases.maker",  # a key of its own
    "tools.releases.archive",  # firmware, from here on
    "tools.releases.cache",
    "tools.releases.signing",
    "tools.releases.sources",
    "tools.publish",
    "gateway.front.site",  # what the package brings along
}


def test_text_files_of_people_are_read_by_the_ground_alone() -> None:
    reads = {"read_text", "read_bytes", "open", "fdopen", "typer.FileText"}
    found = {
        module
        for module, path in ALL.items()
        if module.startswith(("gateway.", "tools."))
        and (mentions(path) & reads or "tomllib" in imports(path, module))
    }
    assert found == OWN_DATA


def test_what_is_printed_goes_through_the_ground_alone() -> None:
    guilty = {
        module
        for module, path in ALL.items()
        if module.startswith(("gateway.cli.", "tools."))
        and (
            mentions(path) & {"print", "sys.stdout", "sys.stderr"} or "rich.console" in imports(path, module)
        )
    }
    assert guilty == set()


def mentions(path: Path) -> set[str]:
    """What a module calls, by the last part of its name, but for `….print`; and what it takes of modules, whole."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            found.add(name if name.endswith(".print") else name.rpartition(".")[2])
        elif isinstance(node, ast.Attribute):
            found.add(ast.unparse(node))
    return found


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
            and ast.unparse(node.value.func)
            not in {"app.add_typer", "memory.add_to", "nats.add_to", "tools.add_to"}
        ]
        calls.update({module: loose} if loose else {})
    assert calls == {}


def test_the_rules_see_imports_of_every_kind(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text(
        "import a.b\nfrom c import d\ndef f():\n    from . import e\n    from ..g import h\n    import i as j\n"
    )
    assert imports(path, "top.mid.x") == {"a.b", "c", "c.d", "top.mid", "top.mid.e", "top.g", "top.g.h", "i"}
