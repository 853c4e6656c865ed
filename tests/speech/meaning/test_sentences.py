from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.speech.meaning.intents import Recogniser
from gateway.speech.meaning.sentences import load_book


def _file(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


def test_a_users_sentence_gets_its_fixed_reply(tmp_path: Path) -> None:
    path = _file(tmp_path, 'replies: [{sentences: ["who is the [big] boss"], reply: "You are."}]')
    intent = Recogniser(load_book(path)).recognise("who is the big boss please")
    assert intent is not None
    assert (intent.name, dict(intent.slots)) == ("Custom", {"reply": "You are."})


def test_a_user_can_say_a_known_intent_in_other_words(tmp_path: Path) -> None:
    path = _file(tmp_path, 'intents: {Time: [{sentences: ["clock check"]}]}')
    intent = Recogniser(load_book(path)).recognise("clock check")
    assert intent is not None
    assert intent.name == "Time"


def test_another_file_gives_another_fingerprint(tmp_path: Path) -> None:
    path = _file(tmp_path, 'replies: [{sentences: ["ahoy"], reply: "Ahoy."}]')
    assert load_book(path).fingerprint != load_book().fingerprint


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("replies: [", "not valid YAML"),
        ("wishes: []", "wishes"),
        ("intents: {Fly: [{sentences: [fly]}]}", "Fly"),
        ('replies: [{sentences: ["(open"], reply: "x"}]', "not valid"),
        ('replies: [{sentences: ["go {nowhere}"], reply: "x"}]', "nowhere"),
        ('replies: [{sentences: ["go <nowhere>"], reply: "x"}]', "nowhere"),
        ('{rules: {loop: "a <loop>"}, replies: [{sentences: ["<loop>"], reply: "x"}]}', "contains itself"),
        ("replies: [{sentences: [], reply: x}]", "sentences"),
    ],
)
def test_a_file_that_cannot_work_is_named_at_once(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        load_book(_file(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml"):
        load_book(tmp_path / "absent.yaml")
