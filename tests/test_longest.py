"""The files that `make check` begins with."""

from __future__ import annotations

import pytest

from tests.support import longest


@pytest.mark.parametrize("name", longest.FILES)
def test_it_is_there(name: str) -> None:
    assert (longest.TESTS / name).is_file()


def test_they_come_first_and_in_that_order(request: pytest.FixtureRequest) -> None:
    ranks = [longest.rank(item) for item in request.session.items]
    assert ranks == sorted(ranks)
