from __future__ import annotations

from pathlib import Path

import pytest

from tools import private
from tools.errors import ToolError


def test_only_this_user_can_look_into_it() -> None:
    with private.directory() as directory:
        private.write(directory / "secret", b"x")
        assert directory.stat().st_mode & 0o777 == 0o700
        assert (directory / "secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("how", [ValueError, KeyboardInterrupt, SystemExit])
def test_it_is_gone_however_the_block_ends(how: type[BaseException]) -> None:
    seen: list[Path] = []

    def fail() -> None:
        with private.directory() as directory:
            seen.append(directory)
            private.write(directory / "secret", b"x")
            raise how

    with pytest.raises(how):
        fail()
    assert not seen[0].exists()


def test_what_is_there_is_not_written_over() -> None:
    with private.directory() as directory:
        private.write(directory / "secret", b"x")
        with pytest.raises(ToolError, match="it is there already"):
            private.write(directory / "secret", b"y")
        assert [path.name for path in directory.iterdir()] == ["secret"]
