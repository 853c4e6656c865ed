from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench import instructions

_ROOT = Path(instructions.__file__).parent

LOOPS = """
void count_from_here(void);
void count_up_to_here(const char *name);
static volatile int sum;

int main(void)
{
    for (int times = 1000; times <= 2000; times += 1000) {
        count_from_here();
        for (int i = 0; i < times; i++)
            sum += i;
        count_up_to_here(times == 1000 ? "once" : "twice");
    }
    return 0;
}
"""


def test_what_runs_twice_as_often_counts_twice(tmp_path: Path) -> None:
    (tmp_path / "loops.c").write_text(LOOPS)
    program = tmp_path / "loops"
    subprocess.run(
        ["cc", "-O1", str(tmp_path / "loops.c"), str(_ROOT / "counted.c"), "-o", str(program)], check=True
    )
    found = instructions.callgrind([str(program)], tmp_path, tmp_path / "loops.out")
    assert found["once"] > 2000
    assert found["twice"] == pytest.approx(2 * found["once"], rel=0.05)


def test_a_fifth_more_is_too_much_unless_the_commit_says_so() -> None:
    now, before = {"heard": 121, "said": 119, "new": 500}, {"heard": 100, "said": 100, "gone": 1}
    assert instructions.dearer(now, before) == ["heard"]
    assert instructions.announced("redundancy\n\nCosts-More: heard, since it is read twice\n") >= {"heard"}
    assert not instructions.announced("heard more\n")


def test_the_table_shows_what_has_changed() -> None:
    assert list(instructions.table({"heard": 121_000, "new": 5}, {"heard": 100_000})) == [
        "  heard          121,000  +21.0%",
        "  new                  5",
    ]


def test_a_commit_that_there_is_not_is_said_before_anything_is_counted() -> None:
    command = [sys.executable, "-m", "bench.instructions", "--beside", "no-such-commit"]
    done = subprocess.run(command, cwd=_ROOT.parent, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no commit no-such-commit" in done.stderr
