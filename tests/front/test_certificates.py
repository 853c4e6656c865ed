"""The gateway's own identity, and a certificate of the user's beside it."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from gateway.errors import ConfigError
from gateway.front.certificates import Certificates, identity, portable, take
from gateway.settings import Settings
from tests.support.certificates import self_signed


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def shown(certificates: Certificates, name: str | None) -> bytes | None:
    """The certificate that a client gets which asks for this name."""
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    client = trusting.wrap_bio(theirs, ours, server_hostname=name)
    server = certificates.context().wrap_bio(ours, theirs, server_side=True)
    for end in (client, server, client, server):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return client.getpeercert(binary_form=True)


def of(path: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(path.read_text())


def test_it_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first = identity(tmp_path, "cafe0001")
    assert first.path.stat().st_mode & 0o777 == 0o600
    assert identity(tmp_path, "cafe0001") == first
    assert [path.name for path in tmp_path.iterdir()] == ["identity.pem"]


def test_two_gateways_are_not_the_same(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert identity(tmp_path / "a", "1").pin != identity(tmp_path / "b", "1").pin


def test_one_that_others_could_read_is_closed(tmp_path: Path) -> None:
    identity(tmp_path, "1").path.chmod(0o644)
    assert identity(tmp_path, "1").path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "no PEM at all"])
def test_what_is_none_is_named_and_not_replaced(tmp_path: Path, content: str) -> None:
    (tmp_path / "identity.pem").write_text(content)
    with pytest.raises(ConfigError, match=r"identity\.pem"):
        identity(tmp_path, "1")
    assert (tmp_path / "identity.pem").read_text() == content


@pytest.mark.parametrize("content", ["", "no PEM at all"])
def test_what_is_none_gives_way_to_a_copy_that_is_put_back(tmp_path: Path, content: str) -> None:
    own = identity(tmp_path, "1")
    file = tmp_path / "exported"
    file.write_bytes(portable(own, "cafe0001"))
    own.path.write_text(content)
    assert take(file, tmp_path, replace=False) == own.pin
    assert identity(tmp_path, "1") == own


@pytest.mark.parametrize("instance_id", ["", "cafe", "../../x", "CAFE0001"])
def test_one_with_no_id_that_could_be_used_is_not_taken(tmp_path: Path, instance_id: str) -> None:
    (tmp_path / "new").mkdir()
    file = tmp_path / "exported"
    file.write_bytes(portable(identity(tmp_path, "cafe0001"), instance_id))
    with pytest.raises(ConfigError, match="exported cannot be used"):
        take(file, tmp_path / "new", replace=False)
    assert list((tmp_path / "new").iterdir()) == []


def test_a_key_of_another_certificate_is_none(tmp_path: Path) -> None:
    one, other = self_signed(tmp_path / "a"), self_signed(tmp_path / "b")
    (tmp_path / "identity.pem").write_text(one.key.read_text() + other.path.read_text())
    with pytest.raises(ConfigError, match=r"identity\.pem"):
        identity(tmp_path, "1")


def test_the_users_certificate_is_for_its_names_and_the_identity_for_all_else(tmp_path: Path) -> None:
    own, users = identity(tmp_path, "1"), self_signed(tmp_path / "u", dns=("voice.example", "*.home.example"))
    certificates = Certificates(Settings(tls_cert=users.path, tls_key=users.key), own)
    assert {shown(certificates, n) for n in ("voice.example", "VOICE.example", "a.home.example")} == {
        of(users.path)
    }
    others = ("device.voicegw.internal", "home.example", "a.b.home.example", "localhost", None)
    assert {shown(certificates, n) for n in others} == {ssl.PEM_cert_to_DER_cert(own.pem)}


def test_it_is_read_anew_when_it_changes_and_kept_while_it_is_half_written(tmp_path: Path) -> None:
    clock, own = Clock(), identity(tmp_path, "1")
    users, newer = (self_signed(tmp_path / n, dns=("voice.example",)) for n in "un")
    certificates = Certificates(Settings(tls_cert=users.path, tls_key=users.key), own, clock)
    before = of(users.path)
    users.path.write_text("-----BEGIN")
    clock.now += 10
    assert shown(certificates, "voice.example") == before
    newer.path.replace(users.path)
    newer.key.replace(users.key)
    clock.now += 10
    assert shown(certificates, "voice.example") == of(users.path) != before


def test_a_key_with_a_passphrase_is_said_and_nobody_is_asked_for_it(tmp_path: Path) -> None:
    own, users = identity(tmp_path, "1"), self_signed(tmp_path / "u")
    key = serialization.load_pem_private_key(users.key.read_bytes(), None)
    closed = serialization.BestAvailableEncryption(b"hunter2")
    users.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, closed)
    )
    with pytest.raises(ConfigError, match="the key has a passphrase"):
        Certificates(Settings(tls_cert=users.path, tls_key=users.key), own)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
@pytest.mark.parametrize("which", ["path", "key"])
def test_one_that_openssl_cannot_read_is_said(tmp_path: Path, which: str, encoding: str) -> None:
    own, users = identity(tmp_path, "1"), self_signed(tmp_path / "u")
    file: Path = getattr(users, which)
    file.write_bytes(file.read_text().encode(encoding))
    with pytest.raises(ConfigError, match="as UTF-8 without a byte order mark"):
        Certificates(Settings(tls_cert=users.path, tls_key=users.key), own)


def test_an_identity_that_openssl_cannot_read_is_named(tmp_path: Path) -> None:
    path = identity(tmp_path, "1").path
    path.write_bytes(path.read_text().encode("utf-16"))
    with pytest.raises(ConfigError, match=r"identity\.pem cannot be used"):
        Certificates(Settings(), identity(tmp_path, "1"))


def test_a_certificate_that_cannot_be_used_is_named_at_the_start(tmp_path: Path) -> None:
    own, users = identity(tmp_path, "1"), self_signed(tmp_path / "u")
    for wrong in (
        Settings(tls_cert=users.path),
        Settings(tls_cert=users.path, tls_key=tmp_path / "none"),
        Settings(tls_cert=users.path, tls_key=own.path),
    ):
        with pytest.raises(ConfigError, match="tls_"):
            Certificates(wrong, own)
