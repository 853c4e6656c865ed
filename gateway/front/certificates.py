"""What the gateway shows over TLS: an identity of its own, made once, and the user's certificate if there is one.

Devices pin the identity, so it is shown to whoever asks for no name, or for none that the user's certificate has.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.errors import ConfigError
from gateway.recurring import Recurring
from gateway.settings import Settings
from ground import folders, text
from ground.trouble import Trouble

_FILE: Final = "identity.pem"
_ID: Final = "voicegw "
INSTANCE_FILE: Final = "gateway-id"
INSTANCE: Final = re.compile("[0-9a-f]{8}")
"""By which mDNS knows a gateway."""
_FOR_EVER: Final = dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
"""No end that is known (RFC 5280, section 4.1.2.5): a device pins the key, and has no calendar."""
_LOOK_SECONDS: Final = 2.0
_CHECKED: Final = "it holds no key and certificate of ours"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this gateway is to its devices. `pin` is the SHA-256 of its public key (SubjectPublicKeyInfo), in hex."""

    path: Path
    pin: str
    pem: str
    """The certificate alone."""


def identity(data_dir: Path, instance_id: str) -> Identity:
    """The identity in a directory, made at the first start, for its owner alone to read.

    Raises:
        ConfigError: it cannot be kept, or what lies there is none.
    """
    path = data_dir / _FILE
    try:
        if (
            folders.look(path, follow=False) is None
        ):  # a link to what is away, with its disk say, is no first start
            folders.keep(path, _made(instance_id))
        elif path.stat().st_mode & 0o077:
            path.chmod(0o600)
        return read(path)
    except OSError as error:
        raise ConfigError.of(folders.unusable(path, error, setting="data_dir")) from None


def read(path: Path) -> Identity:
    """The identity in a file.

    Raises:
        ConfigError: it cannot be read, or is none.
    """
    try:
        pem = text.read(path).encode()
    except Trouble as error:
        raise ConfigError.of(error) from None
    try:
        key = serialization.load_pem_private_key(pem, None)
        certificate = x509.load_pem_x509_certificate(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _no_identity(path) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise _no_identity(path)
    return Identity(path, pin_of(certificate), certificate.public_bytes(serialization.Encoding.PEM).decode())


def pin_of(certificate: x509.Certificate) -> str:
    """What a device keeps of a certificate: the SHA-256 of its public key, which outlives it."""
    spki = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(spki).hexdigest()


def portable(own: Identity, instance_id: str) -> bytes:
    """The identity as a file that another machine can take, with the id by which mDNS knows the gateway.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return f"{_ID}{instance_id}\n".encode() + text.read(own.path).encode()
    except Trouble as error:
        raise ConfigError.of(error) from None


def take(file: Path, data_dir: Path, *, replace: bool) -> str:
    """Have the gateway in a directory be the one in a file from now on; gives its pin.

    Raises:
        ConfigError: the file holds none, or there is another and it is not to be replaced.
    """
    found = read(file)
    path = data_dir / _FILE
    if not replace and (own := _pin_in(path)) not in {None, found.pin}:
        raise ConfigError(
            f"this gateway has an identity already: {own}",
            remedy="add --replace if no device pins it, or export it first",
        )
    try:
        content = text.read(file)
        instance_id = content.splitlines()[0].removeprefix(_ID).strip() if content.startswith(_ID) else None
        if instance_id is not None and not INSTANCE.fullmatch(instance_id):
            raise ConfigError(
                f"{file} cannot be used: after {_ID.strip()} its first line has no 8 hex digits",
                remedy="export it again: voicegw identity export FILE",
            )
        folders.keep(path, content.encode())
        if instance_id is not None:
            folders.keep(data_dir / INSTANCE_FILE, instance_id.encode())
    except OSError as error:
        raise ConfigError.of(folders.unusable(path, error, setting="data_dir")) from None
    return found.pin


class _NoIdentity(ConfigError):
    pass


def _pin_in(path: Path) -> str | None:
    """The pin of the identity in a file; `None` where there is none to be lost, as after a restore that broke off."""
    try:
        return read(path).pin if path.exists() else None
    except _NoIdentity:
        return None


def _no_identity(path: Path) -> ConfigError:
    return _NoIdentity(
        f"{path} cannot be used: {_CHECKED}",
        remedy="put a copy of it back (voicegw identity import FILE); a new one strands the devices that pin it",
    )


def _made(instance_id: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())  # what a chip checks fastest, and every browser takes
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"voicegw {instance_id}")])
    names = [x509.DNSName(f"voicegw-{instance_id}.local"), x509.DNSName("localhost")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(dt.datetime(2024, 1, 1, tzinfo=dt.UTC))  # a machine's clock may be wrong at first
        .not_valid_after(_FOR_EVER)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)


class Certificates:
    """The TLS contexts of the gateway's port.

    Args:
        settings: `tls_cert` and `tls_key` are the user's own, read anew when they change.
        own: the gateway's identity.
        clock: seconds, monotonic.

    Raises:
        ConfigError: the user's cannot be used.
    """

    def __init__(
        self, settings: Settings, own: Identity, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.identity = own
        self._clock = clock
        self._looked = -_LOOK_SECONDS
        try:
            self._context = _context(own.path, own.path)
        except ssl.SSLError:  # UTF-16, say, which we read and OpenSSL does not
            raise _no_identity(own.path) from None
        self._context.sni_callback = self._by_name
        self._files = _users(settings)
        self._trouble = Recurring(
            "the certificate in tls_cert cannot be read again", and_now="the one before stays"
        )
        self._stamp: tuple[float, ...] = ()
        self.names: tuple[str, ...] = ()
        self._users_pin = ""
        self._users: ssl.SSLContext | None = None
        if self._files:
            self._stamp = _stamp(self._files)
            self._users = self._load(*self._files)

    def pins(self, *, secure: bool) -> list[str]:
        """What a client can have met here: one of our keys over TLS, nobody's without."""
        return [self.identity.pin, *([self._users_pin] if self._users_pin else [])] if secure else [""]

    def context(self) -> ssl.SSLContext:
        """For a connection that comes now."""
        if self._files and self._clock() - self._looked >= _LOOK_SECONDS:
            self._looked = self._clock()
            self._look(self._files)
        return self._context

    def _look(self, files: tuple[Path, Path]) -> None:
        try:
            stamp = _stamp(files)
            if stamp != self._stamp:
                self._users, self._stamp = self._load(*files), stamp
            self._trouble.over()
        except ConfigError as error:  # half written, say
            self._trouble.met(error.message)

    def _load(self, certificate: Path, key: Path) -> ssl.SSLContext:
        try:
            found = x509.load_pem_x509_certificate(text.read(certificate).encode())
            context = _context(certificate, key)
        except (OSError, ValueError, Trouble) as error:
            cause = _refused(error) if isinstance(error, ssl.SSLError) else error
            raise ConfigError(
                f"tls_cert {certificate} with tls_key {key} cannot be used: {cause}",
                remedy="give a PEM file with the certificate and those that vouch for it, and one with its key",
            ) from None
        self.names, self._users_pin = _names(found), pin_of(found)
        return context

    def _by_name(self, connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        if self._users is not None and name is not None and _is_named(name, self.names):
            connection.context = self._users


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate, key, password=_no_passphrase)
    return context


def _no_passphrase() -> str:
    """Else OpenSSL asks for it on the terminal; raises ValueError."""
    raise ValueError("the key has a passphrase; write it without: openssl pkey -in KEY -out NEW")


def _refused(error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return "the key is another certificate's"
    return (
        "OpenSSL finds no certificate and key in them; they are to be PEM, as UTF-8 without a byte order mark"
    )


def _users(settings: Settings) -> tuple[Path, Path] | None:
    if settings.tls_cert is None and settings.tls_key is None:
        return None
    if settings.tls_cert is None or settings.tls_key is None:
        raise ConfigError("one of tls_cert and tls_key is missing", remedy="set both, or neither")
    return settings.tls_cert, settings.tls_key


def _stamp(files: tuple[Path, Path]) -> tuple[float, ...]:
    try:
        return tuple(number for file in files for number in (file.stat().st_mtime, file.stat().st_ino))
    except OSError as error:
        raise ConfigError(
            f"tls_cert or tls_key cannot be read: {error.filename}", remedy="correct both in the settings"
        ) from None


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(name.lower() for name in found.get_values_for_type(x509.DNSName))


def _is_named(name: str, names: tuple[str, ...]) -> bool:
    """RFC 6125, section 6.4.3: a wildcard stands for the first label."""
    name = name.lower().rstrip(".")
    return name in names or f"*.{name.partition('.')[2]}" in names
