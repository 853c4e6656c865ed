"""firmware/tools/architecture.py on small trees; `make -C firmware architecture` runs it on the firmware."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.gateway import ROOT

Tree = Callable[[dict[str, str]], Path]
SHARED = "int a(void); int b(void); int c(void);"
PAGE = "voice/device → voice/call\nvoice/call → voice/wire\n"

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")


@pytest.fixture
def architecture(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "firmware" / "tools"))
    return importlib.import_module("architecture")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Writes files, compiles each .c, and says so as CMake does."""

    def build(files: dict[str, str]) -> Path:
        entries = []
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for n, path in enumerate(sorted(tmp_path.rglob("*.c"))):
            command = [
                "cc",
                f"-I{tmp_path}/components/voice/src",
                f"-I{tmp_path}",
                "-c",
                str(path),
                "-o",
                f"{n}.o",
            ]
            subprocess.run(command, cwd=tmp_path, check=True)
            entries.append({"directory": str(tmp_path), "file": str(path), "command": " ".join(command)})
        (tmp_path / "compile_commands.json").write_text(json.dumps(entries))
        return tmp_path

    return build


def circles(architecture: ModuleType, root: Path) -> list[str]:
    return [line for line in architecture.problems([root], root, "") if line.startswith("a circle")]


def test_calls_in_a_circle_are_found_though_a_shared_header_declares_all(
    architecture: ModuleType, tree: Tree
) -> None:
    root = tree(
        {
            "host/all.h": SHARED,
            "host/a.c": '#include "host/all.h"\nint a(void) { return b(); }',
            "host/b.c": '#include "host/all.h"\nint b(void) { return c(); }',
            "host/c.c": '#include "host/all.h"\nint c(void) { return a(); }',
        }
    )
    assert circles(architecture, root) == [
        "a circle: host/a needs host/b for b, host/b needs host/c for c, host/c needs host/a for a"
    ]


def test_a_variable_of_another_file_is_an_arrow_too(architecture: ModuleType, tree: Tree) -> None:
    root = tree(
        {
            "host/a.c": "extern int state; int a(void) { return state; }",
            "host/b.c": "int a(void); int state; int b(void) { return a(); }",
        }
    )
    assert circles(architecture, root) == [
        "a circle: host/a needs host/b for state, host/b needs host/a for a"
    ]


def test_headers_that_include_each_others_units_are_a_circle(architecture: ModuleType, tree: Tree) -> None:
    root = tree(
        {
            "host/a.h": '#include "host/b.h"\nint a(void);',
            "host/a.c": '#include "host/a.h"\nint a(void) { return b(); }',
            "host/b.h": "int b(void);",
            "host/b.c": '#include "host/a.h"\nint b(void) { return 0; }',
        }
    )
    assert circles(architecture, root) == [
        "a circle: host/a needs host/b for b, host/b needs host/a for #include"
    ]


def test_a_file_and_its_own_header_are_one(architecture: ModuleType, tree: Tree) -> None:
    root = tree(
        {
            "host/a.h": "int a(void);",
            "host/a.c": '#include "host/a.h"\n#include "host/b.h"\nint a(void) { return b(); }',
            "host/b.h": "int b(void);",
            "host/b.c": '#include "host/b.h"\nint b(void) { return 0; }',
        }
    )
    assert circles(architecture, root) == []


def rooms(tree: Tree) -> Path:
    source = "components/voice/src"
    return tree(
        {
            f"{source}/device/a.c": "int b(void); int a(void) { return b(); }",
            f"{source}/call/b.c": "int c(void); int b(void) { return c(); }",
            f"{source}/wire/c.c": "int c(void) { return 0; }",
        }
    )


def test_rooms_as_the_page_has_them(architecture: ModuleType, tree: Tree) -> None:
    root = rooms(tree)
    assert list(architecture.problems([root], root, PAGE)) == []


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ("voice/device → voice/call\n", "voice/call → voice/wire is not in the page"),
        (PAGE + "voice/wire → port.h\n", "voice/wire → port.h is in the page, and nothing needs it"),
        (
            "voice/call → voice/wire\nvoice/device → voice/call\n",
            "voice/device → voice/call leads up the page",
        ),
    ],
)
def test_rooms_that_differ_from_the_page(
    architecture: ModuleType, tree: Tree, page: str, complaint: str
) -> None:
    root = rooms(tree)
    assert [line for line in architecture.problems([root], root, page) if line.startswith(complaint)]


def test_what_a_public_header_declares_is_asked_of_it_whoever_answers(
    architecture: ModuleType, tree: Tree
) -> None:
    root = tree(
        {
            "components/port/include/port.h": "int port_clock(void); /* not board( */",
            "components/voice/src/call/b.c": '#include "components/port/include/port.h"\n'
            "int b(void) { return port_clock(); }",
            "host/clock.c": '#include "components/port/include/port.h"\nint port_clock(void) { return 0; }',
        }
    )
    assert list(architecture.problems([root], root, "host → port.h\nvoice/call → port.h\n")) == []
