"""A small checkout with the real set-up, and the index that it is served from: nothing of it comes from elsewhere."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path

from clean_machines.later import project

ROOT = Path(__file__).parents[2]
LEFT_OUT = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "house"
version = "1.0"
[project.scripts]
house = "house:main"
[tool.setuptools]
py-modules = ["house"]
"""


@dataclass(frozen=True, slots=True)
class Done:
    status: int
    said: str


class Checkout:
    """A folder with packaging/, lock files of two small packages, and an index's address in pip's settings."""

    def __init__(self, folder: Path, files: Path, index: str) -> None:
        self.folder = folder
        self.home = folder.with_name("home")
        self.extra: dict[str, str] = {}
        self.home.mkdir(parents=True)
        shutil.copytree(
            ROOT / "packaging", folder / "packaging", ignore=shutil.ignore_patterns("__pycache__")
        )
        (folder / "pyproject.toml").write_text(PROJECT)
        (folder / "house.py").write_text("import alpha\n\ndef main():\n    print(alpha.version)\n")
        self.lock("packaging/requirements-uv.lock", files, "uv")
        self.lock("packaging/requirements-build.lock", files, "setuptools")
        self.lock("requirements.lock", files, "alpha", "setuptools")
        self.lock("requirements-dev.lock", files, "beta")
        self.index(index)

    def index(self, address: str) -> None:
        (self.home / "pip.conf").write_text(f"[global]\nindex-url = {address}\n")

    def lock(self, name: str, files: Path, *projects: str) -> None:
        lines = []
        for path in sorted(files.iterdir()):
            if project(path.name) in projects:
                pin = "==".join(path.name.split("-")[:2])
                lines.append(f"{pin} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n")
        (self.folder / name).write_text("".join(lines))

    def start(self, level: str = "run") -> subprocess.Popen[str]:
        """The set-up, by the Python of the tests, in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "packaging/set_up.py", level],
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def set_up(self, level: str = "run") -> Done:
        with self.start(level) as process:
            said, _ = process.communicate()
            return Done(process.returncode, said)

    def house(self) -> str:
        """What the installed command prints."""
        command = [str(self.folder / ".venv" / "bin" / "house")]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    @property
    def lock_file(self) -> Path:
        return self.folder / "requirements.lock"

    @property
    def state(self) -> Path:
        return self.folder / ".venv" / "set-up.json"

    @property
    def log(self) -> Path:
        return self.folder / "build" / "set-up.log"

    def _environment(self) -> dict[str, str]:
        others = {
            "PIP_EXTRA_INDEX_URL": "",
            "PIP_FIND_LINKS": "",
            "PIP_CONFIG_FILE": str(self.home / "pip.conf"),
        }
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), **others, **self.extra}


def small_wheel(files: Path, name: str, version: str) -> None:
    """A package of one line, whose metadata asks for what nobody has."""
    info = f"{name}-{version}.dist-info"
    metadata = (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Dist: package-that-nobody-has\n"
    )
    content = {f"{name}.py": f"version = {version!r}\n", f"{info}/METADATA": metadata}
    _write(
        files / f"{name}-{version}-py3-none-any.whl",
        info,
        {key: text.encode() for key, text in content.items()},
    )


def installed_wheel(files: Path, name: str) -> None:
    """A wheel made of what is installed here, so that no test has to fetch one."""
    found = distribution(name)
    info = f"{name}-{found.version}.dist-info"
    content = dict(_content(found, f"{name}-{found.version}.data/scripts"))
    tag = next(line for line in content[f"{info}/WHEEL"].decode().splitlines() if line.startswith("Tag: "))
    _write(files / f"{name}-{found.version}-{tag.removeprefix('Tag: ')}.whl", info, content)


def _content(found: Distribution, scripts: str) -> list[tuple[str, bytes]]:
    kept = [
        file for file in found.files or [] if "__pycache__" not in file.parts and file.name not in LEFT_OUT
    ]
    return [
        (
            f"{scripts}/{file.name}" if ".." in file.parts else str(file),
            Path(str(found.locate_file(file))).read_bytes(),
        )
        for file in kept
    ]


def _write(path: Path, info: str, content: dict[str, bytes]) -> None:
    tag = path.stem.split("-", 2)[2]
    with zipfile.ZipFile(path, "w") as wheel:
        content.setdefault(
            f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n".encode()
        )
        for name, data in content.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100755 if "/scripts/" in name else 0o100644) << 16
            wheel.writestr(entry, data)
        wheel.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in [*content, f"{info}/RECORD"]))
