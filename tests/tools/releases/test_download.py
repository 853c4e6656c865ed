from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import Certificate, self_signed
from tests.tools import release_server
from tests.tools.release_server import Answer, Served, serving
from tools.errors import ImageError
from tools.releases import download


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "a").write_bytes(b"firmware")
    with serving(tmp_path) as served:
        yield served


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificate:
    """One that this machine trusts."""
    made = self_signed(tmp_path / "tls", san="127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(made.path))
    return made


@pytest.fixture
def secure(tmp_path: Path, certificate: Certificate) -> Iterator[Served]:
    (tmp_path / "a").write_bytes(b"firmware")
    with serving(tmp_path, certificate) as served:
        yield served


def test_it_is_fetched_over_https(secure: Served) -> None:
    assert download.fetch(f"{secure.url}/a", 8) == b"firmware"


def test_and_from_loopback_over_http(plain: Served) -> None:
    assert download.fetch(f"{plain.url}/a", 8) == b"firmware"


def test_a_certificate_that_nobody_vouches_for_is_refused(
    secure: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ImageError, match="CERTIFICATE_VERIFY_FAILED"):
        download.fetch(f"{secure.url}/a", 8)
    assert secure.asked == []


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1/a", "http://localhost.example/a", "ftp://127.0.0.1/a", "file:///a"]
)
def test_nothing_else_is_asked(url: str) -> None:
    with pytest.raises(ImageError, match="comes over https only"):
        download.fetch(url, 8)


@pytest.mark.parametrize(
    ("answer", "cause", "remedy"),
    [
        (release_server.status(404), r"it is not there \(404\)", "address"),
        (release_server.status(503), "the server says 503", "later"),
        (release_server.body(b"firmware!"), "longer than 8 bytes", "again"),
        (release_server.body(b"firm", says=8), "it broke off", "again"),
        (lambda handler: handler.wfile.write(b"SSH-2.0\r\n\r\n"), "it broke off", "again"),
    ],
)
def test_what_goes_wrong_is_said(plain: Served, answer: Answer, cause: str, remedy: str) -> None:
    plain.answer = answer
    with pytest.raises(ImageError, match=cause) as error:
        download.fetch(f"{plain.url}/a", 8)
    assert remedy in error.value.remedy


def test_a_server_that_is_not_there_is_said() -> None:
    with pytest.raises(ImageError, match=r"cannot be fetched: .*refused") as error:
        download.fetch("http://127.0.0.1:9/a", 8)
    assert "online" in error.value.remedy


def test_one_that_sends_for_ever_is_left_when_its_time_is_over(plain: Served) -> None:
    plain.answer = release_server.dribble
    with pytest.raises(ImageError, match="too slowly"):
        download.fetch(f"{plain.url}/a", 1 << 40, seconds=0.2)


def test_what_a_server_compresses_unasked_is_not_unpacked(plain: Served) -> None:
    packed = gzip.compress(b"\0" * 1_000_000)
    plain.answer = release_server.body(packed, Content_Encoding="gzip")
    assert download.fetch(f"{plain.url}/a", 10_000) == packed


def test_a_redirect_is_followed(secure: Served, tmp_path: Path, certificate: Certificate) -> None:
    with serving(tmp_path, certificate) as other:
        secure.answer = release_server.redirect(f"{other.url}/a")
        assert download.fetch(f"{secure.url}/first", 8) == b"firmware"


def test_but_never_away_from_https(secure: Served, plain: Served) -> None:
    secure.answer = release_server.redirect(f"{plain.url}/a")
    with pytest.raises(ImageError, match="leads away from https, to 127"):
        download.fetch(f"{secure.url}/first", 8)
    assert plain.asked == []


def test_nor_for_ever(plain: Served) -> None:
    plain.answer = release_server.redirect("/again")
    with pytest.raises(ImageError, match="leads on and on"):
        download.fetch(f"{plain.url}/a", 8)


def test_neither_password_nor_token_of_a_url_is_shown(plain: Served) -> None:
    plain.answer = release_server.status(403)
    address = plain.url.replace("//", "//maker:secret@") + "/a?token=hidden"
    with pytest.raises(ImageError, match="/a cannot be fetched: the server says 403") as error:
        download.fetch(address, 8)
    assert "secret" not in error.value.cause
    assert "hidden" not in error.value.cause


@pytest.mark.parametrize("url", ["https://[", "https://\x00/", "http://127.0.0.1:99999/"])
def test_what_is_no_url_is_said(url: str) -> None:
    with pytest.raises(ImageError, match="cannot be fetched"):
        download.fetch(url, 8)


def test_the_proxy_is_the_environments(plain: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked, whatever the address."""
    plain.answer = release_server.body(b"firmware")
    monkeypatch.setenv("HTTP_PROXY", plain.url)
    assert download.fetch("http://localhost:9/a", 8) == b"firmware"
    assert plain.asked == ["http://localhost:9/a"]


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "gopher://127.0.0.1:9", "http://127.0.0.1:9"])
def test_a_proxy_that_cannot_be_used_is_said(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(ImageError, match=r"https://voicegw\.invalid/a cannot be fetched"):
        download.fetch("https://voicegw.invalid/a", 8)


def test_a_file_of_authorities_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nope")
    with pytest.raises(ImageError, match="SSL_CERT_FILE cannot be used: it is not there"):
        download.fetch("https://127.0.0.1:9/a", 8)
