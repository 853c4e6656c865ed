#!/usr/bin/env python3
"""Print what components/peer costs an ESP32-C3, and fail if that is over its budget.

Compiles with -Os -march=rv32imc and Debian's headers. Code is .text and .rodata of all objects, before the
linker drops anything. The stack of an entry point is the deepest path through our own functions by GCC's
-fcallgraph-info; what mbedTLS, libsrtp and libc use comes on top, and their callbacks into us are listed as
entry points of their own.
"""

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

CODE, STATE, STACK = 48 * 1024, 24 * 1024, 2 * 1024
FIRMWARE = Path(__file__).parents[1]
PEER = FIRMWARE / "components" / "peer"
PREFIX = "riscv64-unknown-elf-"
FLAGS = [
    "--specs=picolibc.specs",
    "-Os",
    "-march=rv32imc",
    "-mabi=ilp32",
    "-std=c11",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Werror",
    "-fcallgraph-info=su",
    "-DMBEDTLS_CONFIG_FILE=<budget_mbedtls.h>",
    f"-I{FIRMWARE / 'tools'}",
    f"-I{PEER / 'include'}",
    f"-I{PEER / 'src'}",
]
NODE = re.compile(r'node: \{ title: "([^"]+)" label: "[^"]*\\n(\d+) bytes \((\w+)\)')
EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')
PARTS = ["jitter", "sctp", "ice", "dtls", "outbox", "secure_rtp", "sdp_remote"]
SIZES = '#include "peer_state.h"\n' + "".join(f"char size_{p}[sizeof(struct {p})];\n" for p in ["peer", *PARTS])


def run(*command: str | Path, cwd: Path) -> str:
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout


def libraries(build: Path) -> list[str]:
    """Debian's headers of mbedTLS, libsrtp and libsodium, and none of the host's libc."""
    (build / "include").mkdir()
    for name in ("mbedtls", "psa", "srtp2", "sodium", "sodium.h"):
        (build / "include" / name).symlink_to(f"/usr/include/{name}")
    return ["-isystem", str(build / "include")]


def code_sizes(build: Path, objects: list[Path]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for line in run(f"{PREFIX}size", *objects, cwd=build).splitlines()[1:]:
        text, data, *_, name = line.split()
        module = Path(name).stem.split("_")[0] if not name.startswith("secure") else "srtp"
        sizes[module] = sizes.get(module, 0) + int(text) + int(data)
    return sizes


def state_sizes(build: Path, flags: list[str]) -> dict[str, int]:
    (build / "sizes.c").write_text(SIZES)
    run(f"{PREFIX}gcc", *flags, "-c", "sizes.c", cwd=build)
    rows = (line.split() for line in run(f"{PREFIX}nm", "-S", "sizes.o", cwd=build).splitlines())
    return {row[3].removeprefix("size_"): int(row[1], 16) for row in rows}


class CallGraph:
    def __init__(self, files: list[Path]) -> None:
        self.own: dict[str, int] = {}
        self.calls: dict[str, set[str]] = {}
        for file in files:
            text = file.read_text()
            for name, size, kind in NODE.findall(text):
                assert kind == "static", f"{name}: {kind} stack"
                self.own[name] = int(size)
            for source, target in EDGE.findall(text):
                self.calls.setdefault(source, set()).add(target)
        self.known: dict[str, tuple[int, list[str]]] = {}

    def depth(self, name: str, above: tuple[str, ...] = ()) -> tuple[int, list[str]]:
        """Bytes and the path; a function that isn't ours counts as nothing."""
        if name not in self.own:
            return 0, []
        if name in above:
            raise SystemExit(f"recursion: {' > '.join([*above, name])}")
        if name not in self.known:
            deepest = max((self.depth(n, (*above, name)) for n in self.calls.get(name, ())), default=(0, []))
            self.known[name] = (self.own[name] + deepest[0], [name, *deepest[1]])
        return self.known[name]

    def roots(self) -> list[str]:
        called = {target for targets in self.calls.values() for target in targets}
        return sorted(name for name in self.own if name not in called)


def short(name: str) -> str:
    return name.rpartition(":")[2]


def entry_points() -> set[str]:
    return set(re.findall(r"\b(peer_\w+)\(", re.sub(r"/\*.*?\*/", "", (PEER / "include/peer.h").read_text(), flags=re.S)))


def check(what: str, used: int, budget: int) -> bool:
    print(f"{what:<28} {used:>7} of {budget:>6} bytes  {'ok' if used <= budget else 'OVER BUDGET'}")
    return used <= budget


def main() -> int:
    with TemporaryDirectory() as directory:
        build = Path(directory)
        flags = [*FLAGS, *libraries(build)]
        for source in sorted((PEER / "src").rglob("*.c")):
            run(f"{PREFIX}gcc", *flags, "-c", source, cwd=build)
        objects = [Path(p.name) for p in sorted(build.glob("*.o"))]
        code = code_sizes(build, objects)
        state = state_sizes(build, flags)
        graph = CallGraph([p for p in build.glob("*.ci") if p.stem != "sizes"])
    print("components/peer, -Os -march=rv32imc, without mbedTLS and libsrtp\n")
    print("code by module, bytes")
    for module, size in sorted(code.items(), key=lambda row: -row[1]):
        print(f"  {module:<20} {size:>7}")
    print("state of a connection, bytes")
    for part, size in sorted(state.items(), key=lambda row: -row[1]):
        print(f"  {part:<20} {size:>7}")
    print("stack by entry point, bytes (outside mbedTLS, libsrtp, libc)")
    public = entry_points()
    paths = [graph.depth(name) for name in graph.own if name in public or name in graph.roots()]
    for size, path in sorted(paths, reverse=True):
        print(f"  {short(path[0]):<28} {size:>5}  {' > '.join(map(short, path[1:]))}")
    print()
    fits = [
        check("code", sum(code.values()), CODE),
        check("state", state["peer"], STATE),
        check("deepest stack", max(size for size, _ in paths), STACK),
    ]
    return 0 if all(fits) else 1


if __name__ == "__main__":
    sys.exit(main())
