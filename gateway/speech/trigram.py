"""A back-off trigram model with Witten-Bell discounting, written as ARPA."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log10

START, END = "<s>", "</s>"
_NEVER = -99.0  # ARPA's log10 of zero

Gram = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trigram:
    """P(w | u, v) over a vocabulary: log10 P of each seen n-gram, and log10 of the back-off weights."""

    logs: tuple[Mapping[Gram, float], Mapping[Gram, float], Mapping[Gram, float]]
    backoffs: Mapping[Gram, float]

    @property
    def vocabulary(self) -> frozenset[str]:
        """Every word the model knows, the sentence marks included."""
        return frozenset(gram[0] for gram in self.logs[0])

    def log_probability(self, context: Gram, word: str) -> float:
        """log10 P(word | context), context of up to two words. Raises KeyError for a word it doesn't know."""
        gram = (*context[-2:], word)
        found = self.logs[len(gram) - 1].get(gram)
        if found is not None:
            return found
        if len(gram) == 1:
            raise KeyError(word)
        return self.backoffs.get(gram[:-1], 0.0) + self.log_probability(gram[1:-1], word)

    def arpa(self) -> str:
        """The model in the ARPA format (sphinx reads it)."""
        lines = ["\\data\\", *(f"ngram {n}={len(table)}" for n, table in enumerate(self.logs, 1))]
        for n, table in enumerate(self.logs, 1):
            lines += ["", f"\\{n}-grams:"]
            for gram, value in sorted(table.items()):
                backoff = f" {self.backoffs.get(gram, 0.0):.4f}" if n < 3 else ""
                lines.append(f"{value:.4f} {' '.join(gram)}{backoff}")
        return "\n".join([*lines, "", "\\end\\", ""])


def train(sentences: Iterable[list[str]], background: Mapping[str, float] | None = None) -> Trigram:
    """A model of `sentences` (lists of words).

    Witten-Bell: a context seen c times with t different successors keeps c/(c+t) for them and leaves
    t/(c+t) to the shorter context (Chen and Goodman 1998, §2.5). `background` gives words a unigram
    probability of their own whether seen or not (their sum must stay below 1); the rest is the sentences'.
    """
    counts = _count(sentences)
    unigrams = _unigrams(counts[0], background or {})
    tables: list[dict[Gram, float]] = [unigrams, {}, {}]
    weights: dict[Gram, float] = {}
    for order in (2, 3):
        followers: dict[Gram, dict[str, int]] = defaultdict(dict)
        for gram, count in counts[order - 1].items():
            followers[gram[:-1]][gram[-1]] = count
        for context, successors in followers.items():
            total, kinds = sum(successors.values()), len(successors)
            left = kinds / (total + kinds)
            for word, count in successors.items():
                below = _interpolated(tables, weights, (*context[1:], word))
                tables[order - 1][(*context, word)] = count / (total + kinds) + left * below
            weights[context] = left
    return Trigram(
        (_logs(tables[0]), _logs(tables[1]), _logs(tables[2])),
        {gram: log10(weight) for gram, weight in weights.items()},
    )


def _interpolated(tables: list[dict[Gram, float]], weights: Mapping[Gram, float], gram: Gram) -> float:
    found = tables[len(gram) - 1].get(gram)
    return (
        found if found is not None else weights.get(gram[:-1], 1.0) * _interpolated(tables, weights, gram[1:])
    )


def _count(sentences: Iterable[list[str]]) -> tuple[Counter[Gram], Counter[Gram], Counter[Gram]]:
    counts: tuple[Counter[Gram], Counter[Gram], Counter[Gram]] = (Counter(), Counter(), Counter())
    for sentence in sentences:
        words = [START, *sentence, END]
        for n, counter in enumerate(counts):
            counter.update(tuple(words[i : i + n + 1]) for i in range(len(words) - n))
    return counts


def _unigrams(counts: Mapping[Gram, int], background: Mapping[str, float]) -> dict[Gram, float]:
    total = sum(count for gram, count in counts.items() if gram != (START,))
    share = 1.0 - sum(background.values())
    out = {gram: share * count / total for gram, count in counts.items() if gram != (START,)}
    for word, probability in background.items():
        out[word,] = out.get((word,), 0.0) + probability
    return out | {(START,): 0.0}


def _logs(table: Mapping[Gram, float]) -> dict[Gram, float]:
    return {gram: log10(value) if value > 0 else _NEVER for gram, value in table.items()}
