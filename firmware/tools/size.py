#!/usr/bin/env python3
"""Print what each component costs a chip, code, RAM and stack, beside what it cost at the last commit.

size.py OPUS: with libopus's sources. Compiled as a chip's build does it, for the C3 by Debian's RISC-V compiler, and for the S3
where an Xtensa one is on the machine; not linked, so what the linker drops is in it. Stack is the deepest path through a
component's own functions; libopus's is on the heap's side of a VLA and is painted instead (test/voice/test_voice_stack.c).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from budget import FIRMWARE, CallGraph, libraries, run

WARNED_OF = ["-Wall", "-Wextra", "-Werror"]
OPUS_FLAGS = ["-O3", "-w", "-DOPUS_BUILD", "-DFIXED_POINT=1", "-DDISABLE_FLOAT_API", "-DUSE_ALLOCA", "-DHAVE_ALLOCA_H"]
OPUS_FLAGS += ["-DHAVE_LRINT", "-DHAVE_LRINTF", '-DPACKAGE_VERSION="here"']
OPUS_FOLDERS = ["celt", "silk", "silk/fixed", "src"]
OPUS_PROGRAMS = {"opus_custom_demo", "opus_demo", "opus_compare", "repacketizer_demo", "qext_compare", "mlp_train"}


@dataclass(frozen=True, slots=True)
class Chip:
    """A chip and its compiler."""

    name: str
    prefix: str
    flags: tuple[str, ...]


C3 = Chip("esp32c3", "riscv64-unknown-elf-", ("--specs=picolibc.specs", "-march=rv32imc", "-mabi=ilp32"))
S3 = Chip("esp32s3", "xtensa-esp32s3-elf-", ("-mlongcalls",))


@dataclass(frozen=True, slots=True)
class Cost:
    """Bytes; no stack where it is not known."""

    code: int
    ram: int
    stack: int | None


class Depths(CallGraph):
    """The same, content with a function that calls itself: counted once."""

    def depth(self, name: str, above: tuple[str, ...] = ()) -> tuple[int, list[str]]:
        return (0, []) if name in above else super().depth(name, above)


def compile_all(chip: Chip, sources: list[Path], flags: list[str], build: Path) -> None:
    command = (f"{chip.prefix}gcc", *chip.flags, *flags, "-std=gnu11", "-c")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda source: run(*command, source, cwd=build), sources))  # raises what one of them did


def sizes(chip: Chip, build: Path) -> tuple[int, int]:
    """Code with constants, and RAM."""
    rows = [line.split() for line in run(f"{chip.prefix}size", *build.glob("*.o"), cwd=build).splitlines()[1:]]
    return sum(int(r[0]) + int(r[1]) for r in rows), sum(int(r[1]) + int(r[2]) for r in rows)


def own(chip: Chip, tree: Path, component: str, build: Path, opus: Path) -> Cost:
    build.mkdir()
    components = tree / "components"
    folder = components / component
    includes = [folder / "include", folder / "src", components / "peer/include", components / "port/include", opus / "include"]
    flags = ["-Os", *WARNED_OF, "-fcallgraph-info=su", "-DMBEDTLS_CONFIG_FILE=<budget_mbedtls.h>", f"-I{tree / 'tools'}"]
    flags += [f"-I{path}" for path in includes] + libraries(build)
    compile_all(chip, sorted((folder / "src").rglob("*.c")), flags, build)
    graph = Depths(list(build.glob("*.ci")))
    return Cost(*sizes(chip, build), max(graph.depth(name)[0] for name in graph.own))


def libopus(chip: Chip, opus: Path, build: Path) -> Cost:
    build.mkdir()
    flags = OPUS_FLAGS + [f"-I{opus / folder}" for folder in (".", "include", *OPUS_FOLDERS)]
    sources = [p for folder in OPUS_FOLDERS for p in sorted((opus / folder).glob("*.c")) if p.stem not in OPUS_PROGRAMS]
    compile_all(chip, sources, flags, build)
    return Cost(*sizes(chip, build), None)


def costs(chip: Chip, tree: Path, opus: Path, build: Path) -> dict[str, Cost]:
    build.mkdir()
    return {name: own(chip, tree, name, build / name, opus) for name in ("peer", "voice")}


def costs_before(chip: Chip, tree: Path, opus: Path, build: Path) -> dict[str, Cost]:
    """Nothing where that commit does not compile like this one."""
    try:
        return costs(chip, tree, opus, build)
    except (OSError, subprocess.CalledProcessError):
        return {}


def earlier(to: Path) -> str | None:
    """The firmware of the last commit, or of the one before if nothing has changed since; None where there is none."""
    git = ["git", "-C", str(FIRMWARE)]
    changed = subprocess.run([*git, "status", "--porcelain", "."], check=False, capture_output=True, text=True).stdout
    commit = "HEAD" if changed.strip() else "HEAD~1"
    archive = subprocess.run([*git, "archive", commit, "components", "tools"], check=False, capture_output=True)
    if archive.returncode != 0:
        return None
    to.mkdir()
    subprocess.run(["tar", "-x", "-C", str(to)], input=archive.stdout, check=True)
    return run("git", "rev-parse", "--short", commit, cwd=FIRMWARE).strip()


def column(now: int | None, before: int | None) -> str:
    if now is None:
        return f"{'':>16}"
    change = "" if before is None or before == now else f"{now - before:+,}"
    return f"{now:>9,}{change:>7}"


def table(now: dict[str, Cost], before: dict[str, Cost]) -> Iterator[str]:
    yield f"  {'component':<10}{'code':>9}{'':7}{'RAM':>9}{'':7}{'stack':>9}"
    for name, cost in now.items():
        old = before.get(name)
        pairs = ((cost.code, old and old.code), (cost.ram, old and old.ram), (cost.stack, old and old.stack))
        yield f"  {name:<10}{''.join(column(*pair) for pair in pairs)}".rstrip()


def main() -> int:
    opus = Path(sys.argv[1]).resolve()
    with TemporaryDirectory() as directory:
        work = Path(directory)
        commit = earlier(work / "earlier")
        for chip in (C3, S3):
            if not shutil.which(f"{chip.prefix}gcc"):
                print(f"{chip.name}: no {chip.prefix}gcc on this machine")
                continue
            now = costs(chip, FIRMWARE, opus, work / chip.name)
            before = costs_before(chip, work / "earlier", opus, work / f"{chip.name}-earlier") if commit else {}
            now["libopus"] = libopus(chip, opus, work / chip.name / "libopus")
            print(f"{chip.name}, bytes" + (f", and what has changed since {commit}" if commit else ""))
            print("\n".join(table(now, before)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
