"""What voicegw is installed with: its licences are known, and what asks for more than to be named is in the docs."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
EXTRAS = ("mqtt", "wyoming", "otel", "sentry", "mcp", "hosts")
_FREE = re.compile(
    r"\b(MIT|BSD|0BSD|Apache|ISC|ISCL|PSF|Python Software Foundation|Unlicense|Public Domain|Zlib|CC0)\b",
    re.IGNORECASE,
)
"""Licences that ask for no more than to be named."""


def _project() -> tuple[list[str], dict[str, list[str]]]:
    """What pyproject.toml asks for: always, and by extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project["dependencies"], project["optional-dependencies"]


def _brought(wanted: list[str]) -> dict[str, metadata.Distribution]:
    """All that these requirements bring, as far as it is installed here."""
    found: dict[str, metadata.Distribution] = {}
    left = [Requirement(text) for text in wanted]
    while left:
        asked = left.pop()
        try:
            own = metadata.distribution(asked.name)
        except metadata.PackageNotFoundError:
            continue
        found[canonicalize_name(asked.name)] = own
        for requirement in map(Requirement, own.requires or []):
            new = canonicalize_name(requirement.name) not in found
            extras = [{"extra": extra} for extra in ("", *asked.extras)]
            if new and (requirement.marker is None or any(map(requirement.marker.evaluate, extras))):
                left.append(requirement)
    return found


def _licence(own: metadata.Distribution) -> str:
    """As the package says: an SPDX expression, else its classifiers, else its field."""
    about = own.metadata
    classifiers = [c for c in about.get_all("Classifier") or [] if c.startswith("License ::")]
    named = " AND ".join(c.rsplit(":: ", 1)[-1] for c in classifiers)
    return str(about["License-Expression"] or named or (about["License"] or "").split("\n")[0])


def _is_free(licence: str) -> bool:
    ways = licence.split(" OR ")
    return any(all(_FREE.search(part) for part in way.split(" AND ")) for way in ways)


def _documented() -> dict[str, str]:
    """Licences by package, of both tables of docs/licences.md."""
    rows = [line.split("|") for line in (ROOT / "docs" / "licences.md").read_text().splitlines()]
    named = [[cell.strip() for cell in row[1:-1]] for row in rows if len(row) > 4]
    found: dict[str, str] = {}
    for row in named:
        at = 1 if row[0].startswith("`[") or not row[0] else 0
        if row[at].startswith("`"):
            found[row[at].strip("`")] = row[at + 1]
    return found


def test_what_asks_for_more_than_to_be_named_is_in_the_docs() -> None:
    always, extras = _project()
    brought = _brought([*always, *(wanted for extra in EXTRAS for wanted in extras[extra])])
    assert len(brought) > 50, "the environment has what voicegw needs"
    told = {name: _licence(own) for name, own in brought.items()}
    more = {name for name, licence in told.items() if not _is_free(licence)}
    assert more <= set(_documented()), {name: told[name] for name in more}


@pytest.mark.parametrize("extra", EXTRAS)
def test_what_an_extra_asks_for_is_in_the_docs_with_its_licence(extra: str) -> None:
    _, extras = _project()
    documented = _documented()
    for requirement in map(Requirement, extras[extra]):
        try:
            licence = _licence(metadata.distribution(requirement.name))
        except metadata.PackageNotFoundError:
            pytest.skip(f"{requirement.name} is not installed")
        family = documented[requirement.name].split("-")[0]
        assert family in licence, (requirement.name, licence)


def test_every_extra_for_users_is_looked_at() -> None:
    _, extras = _project()
    assert set(extras) - {"dev"} == set(EXTRAS)
