"""Whom our own tools trust over https."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from gateway.front import certificates
from ground import pinned
from ground.trouble import Trouble
from tests.support.certificates import self_signed


@contextlib.contextmanager
def served(certificate: Path, key: Path) -> Iterator[str]:
    """A TLS server that shows this certificate; gives its URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            with contextlib.suppress(OSError):
                while True:
                    conn, _ = listener.accept()
                    with contextlib.suppress(OSError), context.wrap_socket(conn, server_side=True) as secure:
                        secure.recv(1)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_pin_is_that_of_the_public_key(tmp_path: Path) -> None:
    for pem in (
        certificates.identity(tmp_path, "1").pem.encode(),
        self_signed(tmp_path / "a", dns=("a.example",)).path.read_bytes(),
    ):
        found = x509.load_pem_x509_certificate(pem)
        assert pinned.pin_of(ssl.PEM_cert_to_DER_cert(pem.decode())) == certificates.pin_of(found)


@given(st.binary(max_size=64))
def test_what_is_no_certificate_has_none(data: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        pinned.pin_of(data)


def test_the_identity_that_was_given_is_trusted_and_no_other(tmp_path: Path) -> None:
    own = certificates.identity(tmp_path, "1")
    with served(own.path, own.path) as url:
        assert pinned.shown_at(url) == (own.pin, own.pem)
        assert pinned.trust(url, own.pin).verify_mode == ssl.CERT_REQUIRED
        with pytest.raises(Trouble, match="another identity"):
            pinned.trust(url, "0" * 64)


def test_one_that_nobody_vouches_for_is_named_to_be_compared(tmp_path: Path) -> None:
    own = certificates.identity(tmp_path, "1")
    with served(own.path, own.path) as url, pytest.raises(Trouble, match=own.pin) as caught:
        pinned.trust(url, None)
    assert f"--identity {own.pin}" in caught.value.remedy


def test_the_connection_itself_is_to_nobody_else(tmp_path: Path) -> None:
    """Whoever steps in after the look has another key, and the handshake fails."""
    own, other = certificates.identity(tmp_path, "1"), self_signed(tmp_path / "o")
    with served(own.path, own.path) as url:
        context = pinned.trust(url, own.pin)
    with served(other.path, other.key) as url:
        opening = asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]), ssl=context)
        with pytest.raises(ssl.SSLError):
            asyncio.run(opening)


@pytest.mark.parametrize("written", ["AB" * 32, "ab:" * 31 + "ab", " " + "ab" * 32 + "\n"])
def test_it_is_read_as_people_write_it(written: str) -> None:
    assert pinned.pin(written) == "ab" * 32


@pytest.mark.parametrize("written", ["", "ab" * 31, "xy" * 32, "https://gateway"])
def test_what_is_none_is_refused(written: str) -> None:
    with pytest.raises(Trouble, match="no identity"):
        pinned.pin(written)


def _hang_up(listener: socket.socket) -> None:
    listener.accept()[0].close()


def test_who_speaks_no_tls_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        hanging_up = threading.Thread(target=_hang_up, args=(listener,))
        hanging_up.start()
        with pytest.raises(Trouble, match="does not speak TLS"):
            pinned.shown_at(f"https://127.0.0.1:{port}")
        hanging_up.join()


@pytest.mark.parametrize("host", ["127.0.0.1", "nobody.invalid"])
def test_where_nobody_is_that_is_said(host: str) -> None:
    with pytest.raises(pinned.NoAnswer, match="no gateway answers"):
        pinned.shown_at(f"https://{host}:9")
