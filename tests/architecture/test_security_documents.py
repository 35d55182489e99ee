"""Each control is linked to the test that proves it, and each link leads to a test."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "security"
LINK = re.compile(r"`(tests/[\w/.-]+\.py)::(\w+)`")
ROW = re.compile(
    r"^\| (\d+\.\d+\.\d+) \| ([123]) \| ([^|]+) \| ([a-z ]+) \| ([^|]+) \| ([^|]*) \|$", re.M
)
# How many requirements each chapter of the standard has.
CHAPTERS = {1: 30, 2: 13, 3: 31, 4: 16, 5: 13, 6: 47, 7: 19, 8: 13, 9: 7, 10: 36, 11: 24, 12: 12,
            13: 21, 14: 13, 15: 21, 16: 17, 17: 12}  # fmt: skip


@cache
def named_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text())
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    )


@pytest.mark.parametrize("page", sorted(FOLDER.glob("*.md")), ids=lambda page: page.name)
def test_every_named_test_exists(page: Path):
    wrong = [
        f"{file}::{name}"
        for file, name in LINK.findall(page.read_text())
        if not (ROOT / file).is_file() or name not in named_in(ROOT / file)
    ]
    assert wrong == []


def test_every_requirement_of_the_standard_has_its_row():
    rows = ROW.findall((FOLDER / "asvs.md").read_text())
    ids = [tuple(map(int, row[0].split("."))) for row in rows]

    assert ids == sorted(set(ids))
    counts = {chapter: sum(1 for one in ids if one[0] == chapter) for chapter in CHAPTERS}
    assert counts == CHAPTERS


def test_what_is_met_names_a_test_and_what_is_not_says_why():
    for number, _, about, state, how, tests in ROW.findall((FOLDER / "asvs.md").read_text()):
        assert state in ("met", "open", "not applicable"), number
        assert about.strip(), number
        if state == "met":
            assert LINK.search(tests), number
        else:
            assert how.strip(), number


def test_every_attack_of_the_matrix_names_its_test():
    rows = re.findall(
        r"^\| (?!Attack|---)([^|]+) \| [^|]+ \| ([^|]+) \|$",
        (FOLDER / "hostile.md").read_text(),
        re.M,
    )

    assert len(rows) >= 30
    assert [attack for attack, tests in rows if not LINK.search(tests)] == []
