"""Which of what two recognisers heard is passed on: the likeliest that means something. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from gateway.speech.moonshine import Text
from gateway.speech.sphinx_stream import Heard

_LIKELY: Final = 0.5
"""Mean probability of a token below which what Moonshine heard is not sure: of noise it is below 0.35."""
_NEARLY: Final = 0.6
"""How likely, beside the likeliest, another must be to be taken because it means something."""
_SURE: Final = 0.85
"""As likely as that, it is not put right by sphinx, which knows no other words than those of our sentences."""
_MOST: Final = 5

Means = Callable[[str], bool]
"""Whether a sentence asks for anything."""


def by_moonshine(found: Sequence[Text], means: Means) -> Heard | None:
    """What was heard, by what Moonshine found, the likeliest first; None where sphinx may know better."""
    best = _best(found)
    near = [text for text in found if text.likely >= max(_LIKELY, _NEARLY * best.likely)]
    for text in near[:_MOST]:
        if means(text.words):
            return Heard(text.words)
    return Heard(best.words) if best.likely >= _SURE else None


def by_both(found: Sequence[Text], sphinx: Heard, means: Means) -> Heard:
    """What was heard, where that of Moonshine means nothing and is not sure."""
    if sphinx.clear and sphinx.text and means(sphinx.text):
        return sphinx
    best = _best(found)
    return Heard(best.words, clear=best.likely >= _LIKELY)


def _best(found: Sequence[Text]) -> Text:
    return found[0] if found else Text("", 0.0)
