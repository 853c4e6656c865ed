"""Signatures of a release, and the key that makes them."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ground import signed
from tests.support.releases import MAKER, STRANGER, put_release
from tools.errors import ImageError, SignatureError
from tools.releases import maker, manifest, signing


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv("CI", raising=False)
    path = tmp_path / "keys" / "firmware.key"
    monkeypatch.setenv("VOICEGW_FIRMWARE_KEY", str(path))
    return path


def test_a_key_is_made_once_and_for_its_owner_alone(place: Path) -> None:
    assert maker.existing() == ()
    [made] = maker.signers()
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert [maker.public(key) for key in maker.signers()] == [maker.public(made)]
    assert [path.name for path in place.parent.iterdir()] == ["firmware.key"]


def test_ci_makes_none(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(SignatureError, match="no key to sign"):
        maker.signers()
    assert not place.exists()


def test_two_in_the_file_both_sign(place: Path, tmp_path: Path) -> None:
    maker.signers()
    first = place.read_bytes()
    place.unlink()
    maker.signers()
    place.write_bytes(first + place.read_bytes())
    folder = put_release(tmp_path, "xmini-c3", "0.2.0", makers=maker.signers())
    about = manifest.parse((folder / "manifest.json").read_bytes())
    assert signing.makers(about) == tuple(maker.public(key) for key in maker.signers())
    assert len(set(signing.makers(about))) == 2


@pytest.mark.parametrize(
    "held", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----"]
)
def test_a_file_without_a_key_is_said(place: Path, held: bytes) -> None:
    place.parent.mkdir()
    place.write_bytes(held)
    with pytest.raises(SignatureError, match=r"firmware\.key holds"):
        maker.signers()


def test_a_key_of_another_kind_is_said(place: Path) -> None:
    place.parent.mkdir()
    place.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    with pytest.raises(SignatureError, match="another kind"):
        maker.signers()


@pytest.mark.parametrize(
    "change",
    [
        {"version": "0.3.0"},
        {"board": "s3-devkit"},
        {"flash_mode": "qio"},
        {"nvs": {"offset": 0x9000, "size": 0x5000}},
        {"extra": 1},
    ],
)
def test_a_release_that_was_changed_afterwards_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    path = put_release(tmp_path, "xmini-c3", "0.2.0") / "manifest.json"
    whole = json.loads(path.read_text())
    assert signing.makers(manifest.parse(json.dumps(whole))) == (maker.public(MAKER),)
    with pytest.raises(ImageError, match="not of this release"):
        signing.makers(manifest.parse(json.dumps(whole | change)))


def test_neither_the_order_of_names_nor_spaces_are_signed(tmp_path: Path) -> None:
    path = put_release(tmp_path, "xmini-c3", "0.2.0") / "manifest.json"
    turned = dict(reversed(json.loads(path.read_text()).items()))
    about = manifest.parse(json.dumps(turned, indent=7))
    assert signing.makers(about) == (maker.public(MAKER),)


def test_it_is_signed_anew_and_not_on_top(tmp_path: Path) -> None:
    folder = put_release(tmp_path, "xmini-c3", "0.2.0")
    assert signing.makers(signing.sign(folder, [STRANGER])) == (maker.public(STRANGER),)


def test_the_statement_is_as_the_protocol_has_it() -> None:
    text = r'{"a":"\u00fc","b":1}'
    given = {"b": 1, "a": "ü", "signatures": []}
    assert signed.digest(given) == hashlib.sha256(text.encode()).hexdigest()
    assert signed.statement(board="b", version="1", size=7, sha256="00", digest="ff") == (
        b"voicegw firmware\nb\n1\n7\n00\nff\n"
    )


@pytest.mark.parametrize(
    "signatures", [{}, [1], [{"key": "0" * 64}], [{"key": "x" * 64, "signature": "0" * 128}], [{}] * 3]
)
def test_signatures_of_another_form_are_said(tmp_path: Path, signatures: Any) -> None:
    path = put_release(tmp_path, "xmini-c3", "0.2.0") / "manifest.json"
    with pytest.raises(ImageError, match="signature"):
        manifest.parse(json.dumps(json.loads(path.read_text()) | {"signatures": signatures}))
