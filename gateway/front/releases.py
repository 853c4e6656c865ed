"""Firmware that the gateway can hand out: release directories, each with a `manifest.json` (docs/protocol.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from loguru import logger
from packaging.version import InvalidVersion, Version
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gateway.errors import NotFound
from ground import folders, signed
from ground.trouble import Trouble

MANIFEST = "manifest.json"
_MAX_MANIFEST = 64_000
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]


def _version(text: str) -> str:
    try:
        Version(text)
    except InvalidVersion as error:
        raise ValueError(str(error)) from error
    return text


class Image(BaseModel):
    """One file of a release; `offset` and `size` in bytes of flash."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    path: _Name
    offset: Annotated[int, Field(ge=0, lt=1 << 28)]
    size: Annotated[int, Field(gt=0, lt=1 << 28)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Signature(BaseModel):
    """By a maker's key, Ed25519; devices check it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    signature: Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]


class Release(BaseModel):
    """A manifest: what a board's flash is to hold. `digest` is of all that it says but its signatures."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: Literal[1]
    name: str
    version: Annotated[_Name, AfterValidator(_version)]
    board: _Name
    chip: _Name
    files: Annotated[list[Image], Field(min_length=1, max_length=16)]
    app: _Name
    signatures: Annotated[list[Signature], Field(max_length=signed.MOST)] = []
    digest: str = ""

    @classmethod
    def read(cls, text: bytes) -> Release:
        """A manifest's text.

        Raises:
            ValueError: it is none.
        """
        given = json.loads(text)
        if not isinstance(given, dict):
            raise ValueError("it is no object")  # noqa: TRY004 -- as pydantic has it
        return cls.model_validate({**given, "digest": signed.digest(given)}, strict=False)

    def command(self, path: str, *, older: bool) -> dict[str, Any]:
        """What a device is told to take it, from `path` (docs/protocol.md, update)."""
        app = self.image(self.app)
        value = {"path": path, "size": app.size, "sha256": app.sha256, "version": self.version}
        if self.signatures:
            shown = (signed.shown(s.key, s.signature) for s in self.signatures)
            value |= {"manifest": self.digest, "signed": ",".join(shown)}
        return {**value, "older": True} if older else value

    @model_validator(mode="after")
    def _app_is_there(self) -> Release:
        if all(file.path != self.app for file in self.files):
            raise ValueError(f"`app` is {self.app}, which is none of the files")
        return self

    def image(self, path: str) -> Image:
        """The file of this name.

        Raises:
            NotFound: the manifest names none.
        """
        found = next((f for f in self.files if f.path == path), None)
        if found is None:
            raise NotFound(f"release {self.version} for {self.board} has no file {path}")
        return found


def is_newer(version: str, than: str | None) -> bool:
    """Whether a release is newer than what a device says it runs, which may be anything."""
    try:
        return than is None or Version(version) > Version(than)
    except InvalidVersion:
        return True


class Releases:
    """The releases below a directory, read anew each time: a build may put one there at any moment.

    Args:
        directory: holds release directories; `None` or one that is not there holds none.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._faults: dict[Path, str] = {}

    def all(self) -> list[Release]:
        """Every release, newest first; one that is malformed is left out, and logged when that is found."""
        return [release for release, _ in self._read()]

    def find(self, board: str, version: str | None = None) -> Release:
        """The release of this version for a board, or the newest.

        Raises:
            NotFound: there is none.
        """
        return self._find(board, version)[0]

    def file(self, board: str, version: str, path: str) -> Path:
        """Where a file of a release lies.

        Raises:
            NotFound: no such release, its manifest does not name the file, or it has not the size that it says.
        """
        release, folder = self._find(board, version)
        image = release.image(path)
        found = folder / image.path
        if not folders.is_file(found) or found.is_symlink() or found.stat().st_size != image.size:
            raise NotFound(
                f"{path} of release {version} for {board} is missing, or its size is not the manifest's",
                remedy="build the release again",
            )
        return found

    def _find(self, board: str, version: str | None) -> tuple[Release, Path]:
        for release, folder in self._read():
            if release.board == board and version in {None, release.version}:
                return release, folder
        wanted = f"release {version}" if version else "release"
        remedy = "put its release directory below the setting `releases`, which is " + (
            f"{self._directory}" if self._directory else "not set"
        )
        raise NotFound(f"there is no {wanted} for board {board}", remedy=remedy)

    def _read(self) -> list[tuple[Release, Path]]:
        if self._directory is None:
            return []
        found, faults = [], self._shut(self._directory)
        if not folders.is_folder(self._directory):
            self._log_new(faults)
            return []
        for path in sorted((*self._directory.glob(MANIFEST), *self._directory.glob(f"*/{MANIFEST}"))):
            try:
                with path.open("rb") as file:
                    text = file.read(_MAX_MANIFEST + 1)
                found.append((Release.read(text), path.parent))
            except (OSError, ValueError, RecursionError) as error:
                faults[path] = str(error)
        self._log_new(faults)
        return sorted(found, key=lambda pair: Version(pair[0].version), reverse=True)

    @staticmethod
    def _shut(directory: Path) -> dict[Path, str]:
        """A directory that may not be searched, where glob finds nothing."""
        try:
            folders.look(directory / MANIFEST)
        except Trouble as error:
            return {directory: error.message}
        return {}

    def _log_new(self, faults: dict[Path, str]) -> None:
        """What is wrong stays so for many requests."""
        for path, fault in faults.items():
            if self._faults.get(path) != fault:
                logger.warning("{} is no manifest of a release: {}", path, fault)
        self._faults = faults
