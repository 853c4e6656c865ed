from gateway.speech.choosing import Means, by_both, by_moonshine
from gateway.speech.moonshine import Text
from gateway.speech.sphinx_stream import Heard


def _means(*sentences: str) -> Means:
    return lambda text: text in sentences


def test_the_likeliest_that_means_something_is_taken() -> None:
    found = [Text("rolla die", 0.8), Text("roll a die", 0.7), Text("roll a dye", 0.65)]
    assert by_moonshine(found, _means("roll a die", "roll a dye")) == Heard("roll a die")


def test_what_is_far_less_likely_is_not_taken_though_it_means_something() -> None:
    found = [Text("he stopped it", 0.95), Text("stop it", 0.5)]
    assert by_moonshine(found, _means("stop it")) == Heard("he stopped it")


def test_what_is_hardly_likely_is_not_taken_though_it_means_something() -> None:
    assert by_moonshine([Text("stop it", 0.4)], _means("stop it")) is None


def test_sphinx_is_not_asked_where_moonshine_is_sure() -> None:
    """Whatever is said is heard by sphinx as the nearest of the sentences that it knows."""
    assert by_moonshine([Text("they were just here", 0.92)], _means()) == Heard("they were just here")


def test_sphinx_is_asked_where_moonshine_is_not_sure() -> None:
    found = [Text("the blouder", 0.6)]
    assert by_moonshine(found, _means("louder")) is None
    assert by_both(found, Heard("louder"), _means("louder")) == Heard("louder")


def test_sphinx_puts_right_what_sounds_alike_where_moonshine_is_rather_sure() -> None:
    found = [Text("make it lighter", 0.82)]
    means = _means("make it louder", "unmute the sound")
    assert by_both(found, Heard("make it louder"), means) == Heard("make it louder")
    assert by_both(found, Heard("unmute the sound"), means) == Heard("make it lighter")


def test_sphinx_is_not_believed_where_it_is_not_sure_itself() -> None:
    found = [Text("the blouder", 0.6)]
    assert by_both(found, Heard("louder", clear=False), _means("louder")) == Heard("the blouder")


def test_what_neither_is_sure_of_is_unclear() -> None:
    assert by_both([Text("we will see", 0.2)], Heard(""), _means()) == Heard("we will see", clear=False)


def test_nothing_found_is_sphinx_s() -> None:
    assert by_moonshine([], _means("")) is None
