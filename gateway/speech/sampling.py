"""Sentences drawn from the book at random, as speech: the corpus of the language model."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hassil.expression import (
    Alternative,
    Expression,
    Group,
    ListReference,
    Permutation,
    RuleReference,
    TextChunk,
)
from hassil.intents import RangeSlotList, SlotList, TextSlotList
from hassil.parse_expression import parse_sentence

from gateway.speech.meaning.numbers import digits_for_words, words_for_int
from gateway.speech.meaning.sentences import SentenceBook

_POLITE = ("before", "after")
_P_POLITE = (
    0.12  # measured on rendered questions: at 0.5 the model expects "please" wherever it hears nothing
)
_P_OPTIONAL = 0.4


@dataclass(frozen=True, slots=True)
class Sampler:
    """Draws sentences of one book with one random generator."""

    rng: random.Random
    rules: Mapping[str, Expression]
    lists: Mapping[str, SlotList]

    def draw(self, expression: Expression) -> str:
        """One random expansion of `expression`, numbers as digits."""
        if isinstance(expression, TextChunk):
            return expression.original_text
        if isinstance(expression, ListReference):
            return self._value(self.lists[expression.list_name])
        if isinstance(expression, RuleReference):
            return self.draw(self.rules[expression.rule_name])
        if isinstance(expression, Alternative):
            return self._alternative(expression)
        if isinstance(expression, Permutation):
            return " ".join(
                self.draw(item) for item in self.rng.sample(expression.items, len(expression.items))
            )
        if isinstance(expression, Group):
            return "".join(self.draw(item) for item in expression.items)
        raise TypeError(f"hassil has a new kind of expression: {type(expression).__name__}")

    def _alternative(self, group: Alternative) -> str:
        if not group.is_optional:
            return self.draw(self.rng.choice(group.items))
        wanted = [item for item in group.items if not (isinstance(item, TextChunk) and item.is_empty)]
        chance = _P_POLITE if any(_is_polite(item) for item in wanted) else _P_OPTIONAL
        return self.draw(self.rng.choice(wanted)) if wanted and self.rng.random() < chance else ""

    def _value(self, values: SlotList) -> str:
        if isinstance(values, TextSlotList):
            return self.draw(self.rng.choice(values.values).text_in)
        if isinstance(values, RangeSlotList):
            return str(self._number(values.start, values.stop))
        raise TypeError(f"the list {values.name} can't be spoken: mark its block `speech: false`")

    def _number(self, low: int, high: int) -> int:
        """A number as people use them: mostly small or round."""
        pick = self.rng.random()
        if pick < 0.45:
            bounds, step = (low, min(high, 20)), 1
        elif pick < 0.6:
            bounds, step = (max(low, 10), min(high, 100)), 10
        elif pick < 0.9:
            bounds, step = (low, min(high, 100)), 1
        elif pick < 0.95:
            bounds, step = (max(low, 100), min(high, 1000)), 50
        else:
            bounds, step = (low, min(high, 2000)), 1
        return self.rng.randrange(bounds[0], bounds[1] + 1, step) if bounds[0] <= bounds[1] else high


def _is_polite(expression: Expression) -> bool:
    if isinstance(expression, RuleReference):
        return expression.rule_name in _POLITE
    return isinstance(expression, Group) and any(_is_polite(item) for item in expression.items)


def spoken(text: str) -> str:
    """`text` as a recogniser writes it: lower case, numbers in words, no punctuation but apostrophes."""
    words = digits_for_words(text).split()
    return " ".join(words_for_int(int(word)) if word.isdigit() else word for word in words)


def corpus(book: SentenceBook, *, per_template: int, seed: int = 0) -> Iterator[list[str]]:
    """`per_template` sentences (times the block's weight) of each template that may be spoken, as words.

    The same book, count and seed give the same sentences. Each template gets an equal share, however
    many sentences it stands for: otherwise the one with the most optional words would own the model.
    """
    intents = book.hassil()
    rules = {name: rule.expression for name, rule in intents.expansion_rules.items()}
    sampler = Sampler(random.Random(seed), rules, intents.slot_lists)  # noqa: S311 - not for secrets
    for block in book.blocks:
        for template in block.templates if block.speech else ():
            expression = parse_sentence(template).expression
            for _ in range(per_template * block.weight):
                yield spoken(sampler.draw(expression)).split()
