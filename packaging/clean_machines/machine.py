"""A machine: Debian in a folder. What is mounted there and what runs there ends with each command, whatever happens."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BARE = "make,python3"  # what README asks for

# The namespaces' mounts vanish with their last process, and the first one takes the others along: it stays root, since
# who changes the user is not killed with its parent.
_ENTER = """
set -e
machine=$1 user=$2 folder=$3 shared=$4 network=$5; shift 5
mount -t proc proc "$machine/proc"
mount --rbind /dev "$machine/dev"
mount -t tmpfs -o size=150m tmpfs "$machine/small"
mount -t tmpfs tmpfs "$machine/run"
for place in $shared; do
    mkdir -p "$machine$place"; mount --bind "$place" "$machine$place"; mount -o remount,bind,ro "$machine$place"
done
if [ "$network" = alone ]; then ip link set lo up; mount -t sysfs sysfs "$machine/sys"; fi
home=/root; [ "$user" = root ] || home=/home/$user
chroot --userspec="$user:$user" "$machine" /usr/bin/env -i PATH="$PATH" HOME="$home" \\
    sh -c 'cd "$1" && shift && exec "$@"' sh "$folder" "$@"
exit $?
"""


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, and all that it printed."""

    status: int
    output: str


def base(folder: Path, suite: str) -> Path:
    """A release of Debian with what README asks for; kept in the folder, since it is the same each time."""
    kept = folder / f"base-{suite}"
    if not kept.exists():
        half = kept.with_suffix(".half")
        shutil.rmtree(half, ignore_errors=True)
        command = ["debootstrap", "--variant=minbase", f"--include={BARE}", suite, str(half)]
        with kept.with_suffix(".log").open("w") as log:
            subprocess.run(command, check=True, stdout=log, stderr=log)
        half.rename(kept)
    return kept


class Machine:
    """One that is made from a base, and gone when its context ends."""

    def __init__(self, root: Path, shared: tuple[str, ...]) -> None:
        self.root = root
        self._shared = shared

    @classmethod
    @contextmanager
    def of(cls, made_from: Path, root: Path, shared: tuple[str, ...] = ()) -> Iterator[Machine]:
        """Copy a base into a folder; it may read `shared` folders of this machine, at the same place."""
        remove(root)
        machine = cls(root, shared)
        try:
            subprocess.run(["cp", "-a", str(made_from), str(root)], check=True)
            (root / "small").mkdir()
            machine.run(["useradd", "-m", "-s", "/bin/bash", "maker"])
            yield machine
        finally:
            remove(root)

    def run(self, command: list[str], *, user: str = "root", folder: str = "/", alone: bool = False) -> Done:
        """Run a command to its end; alone: with a network that has its own loopback and nothing else."""
        with self.start(command, user=user, folder=folder, alone=alone) as process:
            output, _ = process.communicate(timeout=3600)
            return Done(process.returncode, output)

    @contextmanager
    def start(
        self, command: list[str], *, user: str = "root", folder: str = "/", alone: bool = False
    ) -> Iterator[subprocess.Popen[str]]:
        """A command that runs while the context does."""
        spaces = ["--mount", "--pid", "--kill-child", *(["--net"] if alone else [])]
        network = "alone" if alone else "shared"
        place = [str(self.root), user, folder, " ".join(self._shared), network]
        process = subprocess.Popen(
            ["unshare", *spaces, "sh", "-c", _ENTER, "sh", *place, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={"PATH": PATH},
        )
        try:
            yield process
        finally:
            kill(process)


def kill(process: subprocess.Popen[str]) -> None:
    """As a power cut would: everything in the machine is gone; once."""
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def descendant(pid: int, having: str) -> int | None:
    """The first process below one whose command line has a text."""
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for child in map(int, below):
        program, *arguments = Path(f"/proc/{child}/cmdline").read_text(errors="replace").split("\0")
        if "python" in program and having in " ".join(arguments):
            return child
        if found := descendant(child, having):
            return found
    return None


def remove(root: Path) -> None:
    """Nothing is mounted there any more, but never look into another file system."""
    if root.exists():
        subprocess.run(["rm", "-rf", "--one-file-system", str(root)], check=True)
