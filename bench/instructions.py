"""`python -m bench.instructions`: how many instructions 20 ms of a call take, path by path, beside the last commit's.

callgrind counts them, so it matters little what else the machine does. Over 20 % more fails, but for paths that the
commit's message names as dearer, with the reason: `Costs-More: heard, since …`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

_ROOT: Final = Path(__file__).parent.parent
_GIT: Final = ("git", "-C", str(_ROOT))
_PARTS: Final = ("bench", "firmware", "gateway", "ground")
_PACKETS: Final = 100
"""That each path handles, in `bench/hot.py` and `firmware/test/peer/packets.c`; neither can be asked before it runs."""
_MORE: Final = 0.20
_TRAILER: Final = "Costs-More:"
_SECONDS: Final = 600
_TOLD: Final = re.compile(
    r"^desc: Trigger: Client Request: (\w+)$.*?^totals: (\d+)$", re.MULTILINE | re.DOTALL
)


class NotCounted(Exception):
    """What was to be counted can't be built, or does not run."""


def main() -> int:
    """Count, compare and print; 1 where a path takes too many more."""
    parser = argparse.ArgumentParser("bench.instructions", description=__doc__)
    parser.add_argument("--beside", help="a commit; without it the last one that differs")
    given = parser.parse_args().beside
    if given is not None and not _said(
        [*_GIT, "rev-parse", "--verify", "-q", "--end-of-options", f"{given}^{{commit}}"]
    ):
        parser.error(f"--beside: there is no commit {given} here; git log has those that there are")
    if not shutil.which("valgrind"):
        sys.exit("error: there is no valgrind; `make set-up-test` brings it")
    with TemporaryDirectory() as name:
        work = Path(name)
        try:
            now = counted(_ROOT, work / "now")
        except NotCounted as error:
            sys.exit(f"error: {error}")
        commit = earlier(given, work / "earlier")
        before = counted_before(work / "earlier", work / "before") if commit else {}
    print(f"instructions for 20 ms of a call{f', and what has changed since {commit}' if before else ''}")  # noqa: T201
    print("\n".join(table(now, before)))  # noqa: T201
    dear = [path for path in dearer(now, before) if path not in announced(_message())]
    if dear:
        print(  # noqa: T201
            f"error: over {_MORE:.0%} more than at {commit}: {', '.join(dear)}; mend it, or say why in the commit's "
            f"message: `{_TRAILER} {dear[0]}, since …`"
        )
    return bool(dear)


def counted(tree: Path, work: Path) -> dict[str, int]:
    """Instructions for each 20 ms, by path, of the code in this tree.

    Raises:
        NotCounted: it can't be built, or does not run.
    """
    work.mkdir()
    library = work / "counted.so"
    _run(["cc", "-shared", "-fPIC", "-O2", str(tree / "bench" / "counted.c"), "-o", str(library)], work)
    found = callgrind([sys.executable, "-m", "bench.hot", str(library)], tree, work / "hot")
    build = work / "firmware"
    release = ["-DPEER_SANITIZE=OFF", "-DCMAKE_BUILD_TYPE=Release"]
    _run(["cmake", "-G", "Ninja", "-S", str(tree / "firmware" / "test"), "-B", str(build), *release], work)
    _run(["cmake", "--build", str(build), "--target", "packets"], work)
    found |= callgrind([str(build / "packets")], tree, work / "packets")
    return {name: total // _PACKETS for name, total in found.items()}


def counted_before(tree: Path, work: Path) -> dict[str, int]:
    """Nothing where that tree does not count like this one, or not with the packages of this one."""
    try:
        return counted(tree, work)
    except (OSError, NotCounted):
        return {}


def callgrind(command: list[str], tree: Path, out: Path) -> dict[str, int]:
    """Instructions of each stretch that a program has counted, by the name that it gives it (`counted.c`)."""
    quiet = ["-q", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}"]
    _run(["valgrind", *quiet, *command], tree)
    dumps = [path.read_text() for path in sorted(out.parent.glob(f"{out.name}.*"))]
    return {name: int(total) for dump in dumps for name, total in _TOLD.findall(dump)}


def _run(command: list[str], folder: Path) -> None:
    environment = os.environ | {"PYTHONHASHSEED": "0", "PYTHONPATH": str(folder), "LOGURU_AUTOINIT": "False"}
    done = subprocess.run(
        command, cwd=folder, env=environment, check=False, capture_output=True, text=True, timeout=_SECONDS
    )
    if done.returncode != 0:
        raise NotCounted(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")


def earlier(given: str | None, to: Path) -> str | None:
    """Put the tree to compare with there, and return its commit's short name; None where there is none."""
    commit = given or ("HEAD" if _said([*_GIT, "status", "--porcelain", *_PARTS]) else "HEAD~1")
    archive = subprocess.run([*_GIT, "archive", commit, *_PARTS], check=False, capture_output=True)
    if archive.returncode != 0:
        return None
    to.mkdir()
    subprocess.run(["tar", "-x", "-C", str(to)], input=archive.stdout, check=True)
    return _said([*_GIT, "rev-parse", "--short", commit])


def _message() -> str:
    """Of the last commit; of what is not committed yet there is none."""
    return _said([*_GIT, "log", "-1", "--format=%B"])


def _said(command: list[str]) -> str:
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()


def dearer(now: Mapping[str, int], before: Mapping[str, int]) -> list[str]:
    """The paths that take too many more than they did."""
    return [path for path, count in now.items() if path in before and count > (1 + _MORE) * before[path]]


def announced(message: str) -> set[str]:
    """The paths that a commit's message names as dearer."""
    lines = [line.removeprefix(_TRAILER) for line in message.splitlines() if line.startswith(_TRAILER)]
    return {word for line in lines for word in re.findall(r"\w+", line)}


def table(now: Mapping[str, int], before: Mapping[str, int]) -> Iterator[str]:
    """A line for each path."""
    for path, count in now.items():
        change = f"{count / before[path] - 1:+8.1%}" if before.get(path) else ""
        yield f"  {path:<10}{count:>12,}{change}"


if __name__ == "__main__":
    sys.exit(main())
