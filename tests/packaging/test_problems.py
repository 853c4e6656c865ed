"""What other programs say, and what a person is told. The lines are theirs: pip 23.2.1, uv 0.13.9, apt 2.6."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from python_env.problems import of_log, of_system

LOG = Path("build/set-up.log")


FULL = "  cause: failed to copy file from /a/b.so to /c/.tmpd72At7: No space left on device (os error 28)"
UNKNOWN = "E: Unable to locate package nosuchpackage-x"
NONE = "ERROR: Could not find a version that satisfies the requirement uv==0.13.9 (from versions: none)"
RETRYING = "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by"
UNTRUSTED = f"{RETRYING} 'SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]'))'\n{NONE}"
REFUSED = f"{RETRYING} 'NewConnectionError('[Errno 111] Connection refused')'\n{NONE}"


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (FULL, "the disk is full"),
        (UNKNOWN, "apt-get does not know a package"),
        (UNTRUSTED, "the package index's certificate is not trusted here"),
        (REFUSED, "a package could not be fetched"),
        (NONE, "the package index lacks a version that the lock file names"),
    ],
)
def test_a_known_complaint_is_told_in_plain_words(said: str, cause: str) -> None:
    problem = of_log("it", LOG, said)
    assert problem.cause == f"it failed: {cause}"
    assert str(LOG) in problem.remedy


def test_an_unknown_one_names_the_log() -> None:
    assert str(LOG) in of_log("it", LOG, "something else").remedy


def test_what_the_system_refuses_names_the_file() -> None:
    problem = of_system(PermissionError(errno.EACCES, "Permission denied", ".venv/bin"))
    assert problem.cause == "Permission denied: .venv/bin"
    assert "sudo rm -rf .venv" in problem.remedy
    assert "make room" in of_system(OSError(errno.ENOSPC, "No space left on device")).remedy
