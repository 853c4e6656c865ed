"""The settings of this machine for its registries, for the machines that are made on it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from python_env import pip_settings

_FOLDERS = ("find-links", "extra-index-url", "index-url")
_CERTIFICATES = "/etc/certificates-of-this-machine.crt"


@dataclass(frozen=True, slots=True)
class Registries:
    """What `pip config list` and apt's configuration say here."""

    pip: dict[str, str]

    @classmethod
    def here(cls) -> Registries:
        listed = subprocess.run(
            [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
        )
        return cls(pip_settings.read(listed.stdout))

    def folders(self) -> tuple[str, ...]:
        """Folders of this machine that the settings name."""
        named = [value for key in _FOLDERS for value in self.pip.get(key, "").split()]
        paths = [unquote(urlsplit(value).path) for value in named if urlsplit(value).scheme in {"file", ""}]
        return tuple(sorted({path.removesuffix("/simple") for path in paths if Path(path).is_dir()}))

    def give(self, root: Path) -> None:
        """Write them into a machine: pip.conf, apt's proxies, the resolver, the certificates that are trusted here."""
        settings = {
            key: value
            for key, value in self.pip.items()
            if key in {*_FOLDERS, "proxy", "trusted-host", "no-index"}
        }
        if certificates := self.pip.get("cert"):
            shutil.copy(certificates, root / _CERTIFICATES.lstrip("/"))
            settings["cert"] = _CERTIFICATES
        set_pip(root, settings)
        for name in ("resolv.conf", "hosts"):
            shutil.copy(Path("/etc", name), root / "etc" / name)
        dumped = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
        proxies = [line for line in dumped.splitlines() if "::proxy" in line.lower()]
        (root / "etc/apt/apt.conf.d/99this-machine").write_text("\n".join([*proxies, ""]))


def set_pip(root: Path, settings: dict[str, str]) -> None:
    """A machine's only settings of pip."""
    lines = [f"{key} = {' '.join(value.split())}" for key, value in settings.items()]
    target = root / "etc" / "pip.conf"
    target.write_text("\n".join(["[global]", *lines, ""]))
    target.chmod(0o644)
