"""Machines on which something is wrong: prefixes for a command, which alone sees them. They need root."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ALONE = ["unshare", "--mount", "--propagation", "private", "bash", "-c"]
READ_ONLY = [*_ALONE, 'mount -t tmpfs -o ro none /mnt && exec "$0" "$@"']
"""Nothing can be written to `/mnt`."""
FULL = [
    *_ALONE,
    'mount -t tmpfs -o size=64k none /mnt; head -c 64k /dev/zero >/mnt/full 2>/dev/null; exec "$0" "$@"',
]
"""Nothing more fits onto `/mnt`."""
SMALL = [*_ALONE, 'mount -t tmpfs -o size=256k none /mnt; exec "$0" "$@"']
"""`/mnt` holds little."""
APART = ["unshare", "--net"]
"""It is on no network, and all ports are free."""


def _reached() -> str:
    """Shell lines that let anybody reach Python and this checkout, also where they lie in root's own home."""
    places = sorted(map(Path.resolve, {Path(sys.base_prefix), Path(sys.prefix), Path(__file__).parents[2]}))
    shut = {above for place in places for above in place.parents if not above.stat().st_mode & stat.S_IXOTH}
    tops = [folder for folder in sorted(shut) if not shut & {*folder.parents}]
    inside = [shlex.quote(str(place)) for place in places if {*tops} & {*place.parents}]
    lines = ["mount -t tmpfs none /mnt"]
    lines += [f"mkdir /mnt/{n}; mount --rbind {place} /mnt/{n}" for n, place in enumerate(inside)]
    lines += [f"mount -t tmpfs -o mode=755 none {shlex.quote(str(top))}" for top in tops]
    lines += [f"mkdir -p {place}; mount --rbind /mnt/{n} {place}" for n, place in enumerate(inside)]
    return "; ".join([*lines, "umount -R -l /mnt; "]) if tops else ""


NOBODY = [
    *(*_ALONE, _reached() + 'exec "$0" "$@"'),
    *("setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups"),
    *("--bounding-set", "-all", "--inh-caps", "-all", "--"),
]
"""A user of whom the system knows a number only, and who may do nothing beyond that."""


def possible() -> bool:
    """Whether they can be made here."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and bool(shutil.which("unshare"))


@contextmanager
def open_to_all() -> Iterator[Path]:
    """A folder that anybody may write to; pytest's own are shut."""
    with tempfile.TemporaryDirectory(prefix="voicegw-open-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)
