"""Whether a sentence asks that something be done, its numbers digits. Pure."""

from __future__ import annotations

import re
from typing import Final

NOT: Final = re.compile(
    r"\b(?:not|never|no one|nobody|\w+n't|dont|didnt|doesnt|wont|cant|without|instead of)\b"
)
_ASKED: Final = re.compile(
    r"^(?:can|could|will|would|won't|may) (?:you|i|we)\b|^(?:i|we) (?:want|need|would|'d|wanna|gotta)|^i'd\b"
)
_REPORT: Final = re.compile(
    r"\b(?:he|she|they|we|it|someone|somebody|who) (?:\w+ )?(?:said|says|told|tells|asked|is|was|were|are|"
    r"has|had|have|will|would|should|must|can|could|might|set|"
    r"goes|went|takes|took|needs|needed)\b|\b(?:said|says|told|asked|yesterday|he'll|she'll|they'll|i'll|"
    r"we'll|i've|he's|she's|they're|we're|i was|"
    r"i had|i have|i set|we set|you set|already|forgot|forgets|remembered|used to|should have|if|when|"
    r"because|while|was|were|had|always|usually|normally|often|sometimes|you (?:should|could|might|must|ought))\b"
)
QUESTION: Final = re.compile(
    r"^(?:what|how|when|why|who|where|which|is|are|was|were|did|does|do(?! (?:a|an|me|us)\b)|has|have|"
    r"should|whose)\b"
)


def is_request(text: str) -> bool:
    """Whether a sentence asks that something be done: no negation, no report, no question but a polite one."""
    if NOT.search(text) or (not _ASKED.match(text) and QUESTION.match(text)):
        return False
    return _REPORT.search(text) is None or (_ASKED.match(text) is not None and " if " not in f" {text} ")
