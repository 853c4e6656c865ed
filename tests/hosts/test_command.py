"""`voicegw host`, as a person meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import nats
from tests.support.gateway import voicegw, write_settings

pytestmark = pytest.mark.skipif(not nats.possible(), reason=nats.WHY_NOT)


@pytest.mark.parametrize(
    ("settings", "arguments", "says"),
    [
        ({}, (), "a host needs NATS"),
        (
            {"nats": {"urls": ["nats://127.0.0.1:1"], "user": "front-a", "password_file": "p"}},
            (),
            "is a front's",
        ),
        ({"nats": {"urls": ["http://127.0.0.1:1"]}}, (), "nats.urls"),
        ({"nats": {"urls": ["nats://127.0.0.1:1"], "user": "host-a"}}, (), "belong together"),
        (
            {"nats": {"urls": ["nats://127.0.0.1:1"], "user": "host-a", "password_file": "nowhere"}},
            (),
            "nats.password_file",
        ),
    ],
)
def test_what_cant_work_is_said_in_a_line(
    tmp_path: Path, settings: dict[str, object], arguments: tuple[str, ...], says: str
) -> None:
    config = write_settings(tmp_path, settings)
    done = voicegw("host", "--config", str(config), *arguments)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_fronts_user_is_no_hosts(tmp_path: Path) -> None:
    own = {"urls": ["nats://127.0.0.1:1"], "user": "host-a", "password_file": "p"}
    config = write_settings(tmp_path, {"nats": own})
    done = voicegw("serve", "--config", str(config), "--port", "0")
    assert done.returncode == 2, done.stderr
    assert "is a host's" in done.stderr
