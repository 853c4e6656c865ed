"""The sentence book: what the assistant understands, read from the bundled data file and a user's own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from hassil.errors import HassilError
from hassil.expression import Expression, Group, ListReference, RuleReference
from hassil.intents import Intents
from hassil.parse_expression import parse_sentence
from hassil.parser import ParseError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import ConfigError
from gateway.speech.meaning.numbers import digits_in_template
from ground import text
from ground.trouble import Trouble

CUSTOM = "Custom"  # a user's own sentence with a fixed reply is this intent, with the reply in its slots


class BlockModel(BaseModel):
    """Some sentences of one intent, as the file has them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sentences: list[str] = Field(min_length=1)
    slots: dict[str, str | int] = {}
    weight: int = Field(default=1, ge=1, le=10)  # how often the language model hears it, beside the others
    speech: bool = True  # False: understood when typed or heard by a better engine; not in the language model
    bare: bool = False  # True: takes no polite words around it


class ReplyModel(BaseModel):
    """A user's own sentences and the fixed reply to them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sentences: list[str] = Field(min_length=1)
    reply: str = Field(min_length=1, max_length=1000)


class FileModel(BaseModel):
    """A sentences file; every key may be left out. docs/speech.md describes it for users."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str = "en"
    before: str = ""
    after: str = ""
    lists: dict[str, dict[str, Any]] = {}
    rules: dict[str, str] = {}
    intents: dict[str, list[BlockModel]] = {}
    replies: list[ReplyModel] = []
    lexicon: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Block:
    """Templates of one intent, polite words included, ready for hassil."""

    intent: str
    templates: tuple[str, ...]
    slots: Mapping[str, str | int]
    weight: int
    speech: bool


@dataclass(frozen=True, slots=True)
class SentenceBook:
    """What may be said. `fingerprint` changes when any of it does."""

    blocks: tuple[Block, ...]
    lists: Mapping[str, Mapping[str, Any]]
    rules: Mapping[str, str]
    lexicon: Mapping[str, str]
    fingerprint: str

    def hassil(self) -> Intents:
        """The book as hassil's intents."""
        by_intent: dict[str, dict[str, Any]] = {}
        for block in self.blocks:
            entry = {"sentences": list(block.templates), "slots": dict(block.slots)}
            by_intent.setdefault(block.intent, {"data": []})["data"].append(entry)
        return Intents.from_dict(
            {
                "language": "en",
                "intents": by_intent,
                "lists": {name: _digits_only(value) for name, value in self.lists.items()},
                "expansion_rules": dict(self.rules),
            }
        )


def _digits_only(value: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers reach hassil as digits (numbers.digits_for_words): it need not spell out a million of them."""
    if "range" in value:
        return {"range": {**value["range"], "words": False}}
    if "values" in value:
        return {"values": [_digits_in_value(item) for item in value["values"]]}
    return dict(value)


def _digits_in_value(item: str | dict[str, Any]) -> dict[str, Any]:
    pair = item if isinstance(item, dict) else {"in": item, "out": item}
    return {**pair, "in": digits_in_template(str(pair["in"]))}


@cache
def load_book(extra: Path | None = None) -> SentenceBook:
    """The bundled sentences, with those of the file `extra` added.

    Raises ConfigError where the file can't be read, isn't of the documented form, adds sentences to an
    intent that doesn't exist, or has a template that doesn't parse.
    """
    bundled = resources.files("gateway").joinpath("data/sentences/en.yaml").read_text("utf-8")
    model = _parse(bundled, "gateway/data/sentences/en.yaml")
    texts = [bundled]
    if extra is not None:
        texts.append(_read(extra))
        model = _merge(model, _parse(texts[1], str(extra)), str(extra))
    book = SentenceBook(
        blocks=_blocks(model),
        lists=model.lists,
        rules={
            name: digits_in_template(text)
            for name, text in (model.rules | {"before": model.before, "after": model.after}).items()
        },
        lexicon=model.lexicon,
        fingerprint=hashlib.sha256("\0".join(texts).encode()).hexdigest(),
    )
    _check_templates(book, str(extra) if extra else "the bundled sentences")
    return book


def _read(path: Path) -> str:
    try:
        return text.read(path)
    except Trouble as error:
        raise ConfigError(f"the sentences file: {error.message}", remedy=error.remedy) from None


def _parse(text: str, name: str) -> FileModel:
    try:
        return FileModel.model_validate(yaml.safe_load(text) or {})
    except yaml.YAMLError as error:
        raise ConfigError(f"{name} is not valid YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"{name}: {where}: {first['msg']}", remedy="see docs/speech.md for the form"
        ) from error


def _merge(base: FileModel, extra: FileModel, name: str) -> FileModel:
    unknown = set(extra.intents) - set(base.intents)
    if unknown:
        raise ConfigError(
            f"{name}: there is no intent {', '.join(sorted(unknown))}",
            remedy=f"use `replies` for sentences of your own; the intents are {', '.join(base.intents)}",
        )
    return base.model_copy(
        update={
            "lists": base.lists | extra.lists,
            "rules": base.rules | extra.rules,
            "intents": {k: [*v, *extra.intents.get(k, [])] for k, v in base.intents.items()},
            "replies": [*base.replies, *extra.replies],
            "lexicon": base.lexicon | extra.lexicon,
        }
    )


def _blocks(model: FileModel) -> tuple[Block, ...]:
    built_in = [
        Block(intent, _polite(block.sentences, bare=block.bare), block.slots, block.weight, block.speech)
        for intent, blocks in model.intents.items()
        for block in blocks
    ]
    own = [
        Block(CUSTOM, _polite(reply.sentences, bare=False), {"reply": reply.reply}, 1, speech=True)
        for reply in model.replies
    ]
    return (*own, *built_in)


def _polite(sentences: list[str], *, bare: bool) -> tuple[str, ...]:
    digits = [digits_in_template(text) for text in sentences]
    return tuple(digits) if bare else tuple(f"[<before>] ({text}) [<after>]" for text in digits)


def _check_templates(book: SentenceBook, name: str) -> None:
    """Parse each template and follow its references now: hassil would do it at the first match only."""
    try:
        rules = {key: parse_sentence(text).expression for key, text in book.rules.items()}
        templates = [parse_sentence(text).expression for block in book.blocks for text in block.templates]
        book.hassil()
    except (ParseError, HassilError, KeyError, ValueError, AssertionError) as error:
        raise ConfigError(f"{name}: a template or a list is not valid: {error}") from error
    for expression in (*rules.values(), *templates):
        for reference in _references(expression):
            known: Mapping[str, Any] = book.lists if isinstance(reference, ListReference) else rules
            key = reference.list_name if isinstance(reference, ListReference) else reference.rule_name
            if key not in known:
                raise ConfigError(f"{name}: a template refers to {key!r}, which is not there")
    for key in rules:
        _check_finite(key, rules, (), name)


def _references(expression: Expression) -> Iterator[ListReference | RuleReference]:
    if isinstance(expression, ListReference | RuleReference):
        yield expression
    elif isinstance(expression, Group):
        for item in expression.items:
            yield from _references(item)


def _check_finite(key: str, rules: Mapping[str, Expression], above: tuple[str, ...], name: str) -> None:
    if key in above:
        raise ConfigError(f"{name}: the rule {key!r} contains itself")
    for reference in _references(rules[key]):
        if isinstance(reference, RuleReference):
            _check_finite(reference.rule_name, rules, (*above, key), name)
