"""Addresses of a crash turned into functions, files and lines; core dumps into tasks. Needs the firmware's ELF.

The decoding is Espressif's: esp-idf-panic-decoder for back traces, esp-coredump, as a process, for core dumps.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from esp_idf_panic_decoder import PcAddressDecoder

from ground import folders
from ground.trouble import reason
from tools import private
from tools.errors import ToolError
from tools.process import quiet_environment
from tools.releases.release import BUILD

_TOOLS = {
    94: ("xtensa-esp32s3-elf-", "xtensa-esp-elf-", "xtensa-esp32-elf-"),
    243: ("riscv32-esp-elf-", "riscv64-unknown-elf-"),
}
"""Prefixes of binutils by `e_machine` of the ELF (94 Xtensa, 243 RISC-V)."""
_OF_CRASH = re.compile(
    r"Backtrace:|MEPC\s*:|\bRA\s*:|^abort\(\) was called at PC|^PC\s*:|^A0\s*:|LCOUNT|panic'ed"
)
_CORE_BEGIN, _CORE_END = "= CORE DUMP START =", "= CORE DUMP END ="
_MAX_CORE_LINES = 40_000
_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Frame:
    """One step of a back trace."""

    address: str
    function: str
    place: str


def find_elf(given: Path | None) -> Path | None:
    """The ELF to decode with: the given one, else the one that was built here last, if any.

    Raises:
        ToolError: the given one is none.
    """
    if given is None:
        built = [*BUILD.glob("*.elf"), *BUILD.glob("*/*.elf")]
        return max(built, key=lambda path: path.stat().st_mtime, default=None)
    if not folders.names_file(given) or _begins(given) != b"\x7fELF":
        raise ToolError(
            f"{given} is no ELF file", remedy="give the .elf that lies beside the firmware's .bin", step="elf"
        )
    return given


def _begins(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4)
    except OSError as error:
        raise ToolError(
            f"{path} cannot be read: {reason(error)}", remedy="look at its permissions", step="elf"
        ) from None


def toolchain(elf: Path) -> str | None:
    """The prefix of the binutils for an ELF, with their directory if they are not on PATH; `None` if there are none."""
    machine = int.from_bytes(elf.read_bytes()[18:20], "little")
    for prefix in _TOOLS.get(machine, ()):
        found = shutil.which(f"{prefix}addr2line") or _in_espressif(prefix)
        if found is not None:
            return str(Path(found).parent / prefix)
    return None


def _in_espressif(prefix: str) -> str | None:
    home = folders.home()
    root = os.environ.get("IDF_TOOLS_PATH") or (home / ".espressif" if home else None)
    if root is None:
        return None
    root = Path(root) / "tools"
    return next((str(p) for p in reversed(folders.glob(root, f"*/*/*/bin/{prefix}addr2line*"))), None)


class Decoder:
    """Takes a device's lines, and gives what they mean.

    Args:
        elf: of the firmware that runs there.
        prefix: of its toolchain, see `toolchain`.
    """

    def __init__(self, elf: Path, prefix: str) -> None:
        self._elf = elf
        self._decoder = PcAddressDecoder(prefix, str(elf))
        self._gdb = f"{prefix}gdb"
        self._core: list[str] | None = None

    def frames(self, text: str) -> list[Frame]:
        """The functions behind the addresses of a crash's line; none for any other line."""
        if not _OF_CRASH.search(text):
            return []
        return [
            Frame(address, step.func, f"{step.path}:{step.line}" if step.line else step.path)
            for address, steps in self._decoder.translate_addresses(text)
            for step in steps
        ]

    def core(self, text: str) -> str | None:
        """What a core dump says, once its last line came; `None` until then."""
        if _CORE_BEGIN in text:
            self._core = []
        elif self._core is not None and _CORE_END in text:
            lines, self._core = self._core, None
            return self._decode_core("\n".join(lines) + "\n")
        elif self._core is not None and len(self._core) < _MAX_CORE_LINES:
            self._core.append(text)
        return None

    @property
    def in_core(self) -> bool:
        """Whether the lines that come are a core dump's."""
        return self._core is not None

    def _decode_core(self, text: str) -> str:
        with private.directory() as directory:
            core = directory / "core.b64"
            private.write(core, text.encode())
            options = ["--gdb", self._gdb, "--core", str(core), "--core-format", "b64"]
            try:
                done = subprocess.run(
                    [sys.executable, "-P", "-m", "esp_coredump", "info_corefile", *options, str(self._elf)],
                    env=quiet_environment(), capture_output=True, text=True, errors="replace",
                    timeout=_SECONDS, check=False,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                return "the core dump could not be decoded in time"
        if done.returncode == 0:
            return done.stdout.strip()
        last = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        return f"the core dump cannot be decoded: {last}"
