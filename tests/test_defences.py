"""What `python -m tests.attack.without` takes out is there to be taken out."""

from __future__ import annotations

import pytest

from tests.attack.without import DEFENCES, ROOT, Defence


@pytest.mark.parametrize("defence", DEFENCES, ids=lambda defence: defence.name)
def test_a_defence_stands_where_it_is_taken_out(defence: Defence) -> None:
    for file, text, instead in defence.changes:
        assert (ROOT / file).read_text().count(text) >= 1, file
        assert text != instead
