#!/usr/bin/env python3
"""Hold the C against docs/architecture.md: no two files need each other in a circle, no room what the page does not say.

    architecture.py BUILD...    directories that CMake has built in: the host's side, the chip's

A unit is a .c with its own .h. It needs what it includes, and what its object file leaves undefined for another to
define: `nm` tells, so a call counts whatever header declares it. A room is a folder; a function that a public header
declares is asked of that header, whoever answers. Python 3.11 and nothing else.
"""

import itertools
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

FIRMWARE = Path(__file__).resolve().parents[1]
PAGE = FIRMWARE.parent / "docs" / "architecture.md"
Arrow = tuple[str, str, str]  # who needs whom, for what: a symbol, or "#include"


def sources(build: Path) -> Iterator[tuple[Path, Path, list[Path]]]:
    """Each .c of a build, its object, and where its headers are looked for."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        words, directory = shlex.split(entry["command"]), Path(entry["directory"])
        folders = [directory / word[2:] for word in words if word.startswith("-I")]
        yield Path(entry["file"]).resolve(), directory / words[words.index("-o") + 1], folders


def symbols(item: Path) -> tuple[set[str], set[str]]:
    """What an object defines for others, and what it wants of them."""
    names: tuple[set[str], set[str]] = (set(), set())
    listed = subprocess.run(["nm", "-P", "-g", item], check=True, capture_output=True, text=True).stdout
    for line in listed.splitlines():
        name, kind = line.split()[:2]
        names[kind in "Uw"].add(name)
    return names


def included(file: Path, folders: list[Path]) -> Iterator[Path]:
    for name in re.findall(r'^#include "([^"]+)"', file.read_text(), re.MULTILINE):
        found = [path for folder in [file.parent, *folders] if (path := folder / name).is_file()]
        yield from (path.resolve() for path in found[:1])


def unit(file: Path, root: Path) -> str:
    return str(file.relative_to(root).with_suffix(""))


def calls(build: Path, root: Path) -> Iterator[Arrow]:
    wants: dict[str, set[str]] = {}
    defined: dict[str, set[str]] = {}  # by several, where a board has one of them
    for file, item, _ in sources(build):
        own, wants[unit(file, root)] = symbols(item)
        for name in own:
            defined.setdefault(name, set()).add(unit(file, root))
    for who, names in wants.items():
        yield from ((who, other, name) for name in names for other in defined.get(name, ()))


def includes(build: Path, root: Path) -> Iterator[Arrow]:
    seen: set[Path] = set()
    waiting = [(file, folders) for file, _, folders in sources(build)]
    for file, folders in waiting:
        if file not in seen:
            seen.add(file)
            headers = [header for header in included(file, folders) if header.is_relative_to(root)]
            waiting += [(header, folders) for header in headers]
            yield from ((unit(file, root), unit(header, root), "#include") for header in headers)


def circles(arrows: set[Arrow]) -> Iterator[list[str]]:
    """The shortest ways from a unit back to it; of circles that share a unit, one."""
    after: dict[str, list[str]] = {}
    for who, other in sorted({arrow[:2] for arrow in arrows}):
        after.setdefault(who, []).append(other)
    told: set[str] = set()
    for start in after:
        way = {start: [start]}
        waiting = [start]
        for at in waiting:
            waiting += (new := [other for other in after.get(at, ()) if other not in way])
            way |= {other: [*way[at], other] for other in new}
        back = [way[at] for at in waiting if start in after.get(at, ())]
        if back and not told & set(back[0]):
            told |= set(back[0])
            yield [*back[0], start]


def room(unit: str) -> str:
    """components/voice/src/call/session → voice/call; components/peer/include/peer → peer.h; host/main → host."""
    *folders, name = unit.removeprefix("components/").split("/")
    return f"{name}.h" if folders[-1] == "include" else "/".join(f for f in folders if f != "src")


def public(root: Path = FIRMWARE) -> dict[str, str]:
    """The functions that public headers declare, and the room to ask for them; bsd.h, like port.h, is answered by two."""
    headers = [*root.glob("components/**/include/*.h"), *root.glob("components/port/bsd/bsd.h")]
    return {
        name: room(unit(header, root))
        for header in headers
        for name in re.findall(r"\b(\w+)\(", re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.DOTALL))
    }


def between_rooms(arrows: set[Arrow], declared: dict[str, str]) -> dict[tuple[str, str], str]:
    """Which room needs which, and an example of it."""
    found: dict[tuple[str, str], str] = {}
    for who, other, name in sorted(arrows):
        rooms = room(who), declared.get(name, room(other))
        if rooms[0] != rooms[1]:
            found.setdefault(rooms, f"{who} needs {other} for {name}")
    return found


def walls(found: dict[tuple[str, str], str], page: str) -> Iterator[str]:
    """Where the rooms and the page's table differ: lines of a room, an arrow, and the rooms below that it uses."""
    table = [(who, others.split()) for who, others in re.findall(r"^(\S+) +→ (.+)$", page, re.MULTILINE)]
    stated = {(who, other) for who, others in table for other in others}
    yield from (f"{a} → {b} is not in the page: {found[a, b]}" for a, b in sorted(found.keys() - stated))
    yield from (f"{a} → {b} is in the page, and nothing needs it" for a, b in sorted(stated - found.keys()))
    above: set[str] = set()
    for who, others in table:
        above.add(who)
        yield from (f"{who} → {other} leads up the page" for other in others if other in above)


def problems(builds: list[Path], root: Path, page: str) -> Iterator[str]:
    found: dict[tuple[str, str], str] = {}
    for build in builds:
        arrows = {arrow for arrow in (*calls(build, root), *includes(build, root)) if arrow[0] != arrow[1]}
        reasons = {arrow[:2]: arrow[2] for arrow in sorted(arrows)}
        for circle in circles(arrows):
            yield "a circle: " + ", ".join(f"{a} needs {b} for {reasons[a, b]}" for a, b in itertools.pairwise(circle))
        found |= between_rooms(arrows, public(root))
    yield from walls(found, page)


def main(arguments: list[str]) -> int:
    if not arguments:
        print(__doc__)
        return 2
    wrong = list(problems([Path(name) for name in arguments], FIRMWARE, PAGE.read_text()))
    for line in wrong:
        print(f"architecture: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
