"""Machines on which something is wrong: prefixes for a command, which alone sees them. They need root."""

from __future__ import annotations

import os
import shutil

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
NOBODY = [
    *("setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups"),
    *("--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search", "--"),
]
"""A user of whom the system knows a number only. It reads whatever the tests need."""


def possible() -> bool:
    """Whether they can be made here."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and bool(shutil.which("unshare"))
