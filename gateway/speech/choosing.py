"""Which of what two recognisers heard is passed on: the likeliest that means something. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from typing import Final

from gateway.speech.moonshine import Text
from gateway.speech.sphinx_stream import Heard

_LIKELY: Final = 0.5
"""Mean probability of a token below which what Moonshine heard is not sure: of noise it is below 0.35."""
_NEARLY: Final = 0.6
"""How likely, beside the likeliest, another must be to be taken because it means something."""
_RATHER_SURE, _SURE = 0.8, 0.9
"""As likely as the first, it is put right by sphinx in what sounds alike only: sphinx knows no other words than those
of our sentences. As likely as the second, it is not put right."""
_ALIKE: Final = 0.6
"""Share of letters that are the same in the same order: "make it lighter" and "make it louder" have 0.72."""
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
    best = _best(found)
    believed = best.likely < _RATHER_SURE or _alike(best.words, sphinx.text) >= _ALIKE
    if sphinx.clear and sphinx.text and believed and means(sphinx.text):
        return sphinx
    return Heard(best.words, clear=best.likely >= _LIKELY)


def _alike(one: str, other: str) -> float:
    return SequenceMatcher(None, one.replace(" ", ""), other.replace(" ", ""), autojunk=False).ratio()


def _best(found: Sequence[Text]) -> Text:
    return found[0] if found else Text("", 0.0)
