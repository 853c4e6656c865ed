"""NVS images: settings in, the bytes of a partition out; and the other way round.

The images are made by Espressif's own generator, as a process; what reads them is ours (`nvs_pages`), so that one
checks the other.
"""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from tools import private
from tools.errors import NvsError
from tools.esp.nvs_pages import INTEGERS, PAGE_BYTES, Entry, Type, decode
from tools.process import quiet_environment

__all__ = ["NAMESPACE", "Entry", "Type", "decode", "generate", "settings", "settings_image"]

NAMESPACE = "voicegw"
MAX_VALUE_BYTES = 1984
"""Of one setting: what `port.h` promises (`PORT_KV_VALUE_MAX`), without the NUL that NVS adds."""
_NAME = re.compile(r"[A-Za-z0-9_]{1,15}")
_SECONDS = 60


def settings_image(values: Mapping[str, str], size: int) -> bytes:
    """The NVS partition of a device that has these settings.

    Args:
        values: by name; docs/protocol.md lists them. Empty ones are left out, as the device does.
        size: of the partition in bytes.

    Raises:
        NvsError: a value that NVS cannot hold, or more than fits.
    """
    for name, value in values.items():
        if len(value.encode(errors="surrogateescape")) > MAX_VALUE_BYTES:
            raise NvsError(
                f"{name} has more than {MAX_VALUE_BYTES} bytes",
                remedy="give a shorter value; for ca, one certificate",
            )
    return generate([Entry(NAMESPACE, k, Type.SZ, v) for k, v in values.items() if v], size)


def settings(image: bytes, namespace: str = NAMESPACE) -> dict[str, str]:
    """The texts of a namespace in an image, by name.

    Raises:
        NvsError: it is no NVS image, or a damaged one.
    """
    return {e.key: e.value for e in decode(image) if e.namespace == namespace and isinstance(e.value, str)}


def generate(entries: Iterable[Entry], size: int, *, version: int = 2) -> bytes:
    """Make an image by way of esp-idf-nvs-partition-gen.

    Args:
        entries: what is to be in it; of two with the same name the later one counts.
        size: of the partition: at least three pages of 4096 bytes.
        version: 2, or 1, in which a blob must fit into a page.

    Raises:
        NvsError: an entry that cannot be stored, or more than fits.
    """
    if size % PAGE_BYTES or size < 3 * PAGE_BYTES:
        raise NvsError(f"{size} bytes are no NVS partition", remedy="give a multiple of 4096, at least 12288")
    # The generator gives all that follows to the namespace that was new last, so each must come in one piece.
    ordered = sorted(entries, key=lambda e: e.namespace)
    for entry in ordered:
        _check(entry)
    with private.directory() as directory:
        _write_table(directory, ordered)
        return _run(directory, size, version)


def _check(entry: Entry) -> None:
    for what in (entry.namespace, entry.key):
        if not _NAME.fullmatch(what):
            raise NvsError(f"{what!r} is no NVS name", remedy="use 1 to 15 letters, digits or underscores")
    if isinstance(entry.value, str):
        if "\0" in entry.value or any("\ud800" <= c <= "\udfff" for c in entry.value):
            raise NvsError(
                f"{entry.key} has a character that NVS cannot hold", remedy="give text without NUL, in UTF-8"
            )
    elif isinstance(entry.value, int) and not _fits(entry.value, INTEGERS[entry.type]):
        raise NvsError(
            f"{entry.key} = {entry.value} is out of range", remedy=f"give a value of type {entry.type.name}"
        )


def _fits(value: int, code: str) -> bool:
    bits = {"b": 8, "h": 16, "i": 32, "q": 64}[code.lower()]
    low = -(1 << (bits - 1)) if code.islower() else 0
    return low <= value < low + (1 << bits)


def _write_table(directory: Path, entries: list[Entry]) -> None:
    """Write the generator's CSV.

    Values stand in files of their own: its CSV reader would change line ends, and drop lines that begin with `#`.
    """
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["key", "type", "encoding", "value"])
    namespace = ""
    for number, entry in enumerate(entries):
        if entry.namespace != namespace:
            namespace = entry.namespace
            rows.writerow([namespace, "namespace", "", ""])
        if isinstance(entry.value, int):
            rows.writerow([entry.key, "data", entry.type.name.lower(), entry.value])
            continue
        text = isinstance(entry.value, str)
        private.write(
            directory / f"value{number}",
            entry.value.encode() if isinstance(entry.value, str) else entry.value,
        )
        rows.writerow([entry.key, "file", "string" if text else "binary", f"value{number}"])
    private.write(directory / "table.csv", table.getvalue().encode())


def _run(directory: Path, size: int, version: int) -> bytes:
    arguments = ["generate", "table.csv", "nvs.bin", hex(size), "--version", str(version)]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "esp_idf_nvs_partition_gen", *arguments],
        cwd=directory,
        env=quiet_environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=_SECONDS,
        check=False,
    )
    made = directory / "nvs.bin"
    if done.returncode == 0 and made.exists() and made.stat().st_size == size:
        return made.read_bytes()
    raise _failure(done.stdout + done.stderr, size)


def _failure(output: str, size: int) -> NvsError:
    if "Size parameter is less" in output:
        return NvsError(
            f"the settings do not fit into {size} bytes of NVS", remedy="leave out ca, or shorten it"
        )
    if "No space left" in output:
        return NvsError(
            "there is no room left for the NVS image", remedy="make room, or set TMPDIR to another place"
        )
    if "No module named" in output:
        return NvsError(
            "esp-idf-nvs-partition-gen is not installed", remedy="run: make run, or pip install -e ."
        )
    last = output.strip().splitlines()[-1:] or ["it said nothing"]
    return NvsError(f"the NVS generator failed: {last[0]}", remedy="report this: it is a fault of ours")
