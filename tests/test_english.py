"""The rule for docstrings, held: a function's begins with a verb in the imperative, a module's or class's with a noun.

No parser of English stands here: ruff's D401 finds verbs that are no imperatives, this the openings that are neither
verb nor noun, and which make a sentence whose subject is a clause or that names no actor.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TREES = ("engine", "cure_tui", "tests")
CLAUSES = "how if than that though unless what whatever when whenever where whether which while who whoever whose why"
PREPOSITIONS = (
    "about after against among around as at because before behind below beneath beside besides between beyond by "
    "during except for from in inside into of off on once onto out over since so through till to toward towards under "
    "until unto upon via with within without"
)
PRONOUNS = (
    "anybody anything everybody everything he here it its nobody none nothing she somebody something there these they "
    "this those we you"
)
BANNED = frozenset(f"{CLAUSES} {PREPOSITIONS} {PRONOUNS}".split())


def offences(tree: ast.Module, name: str) -> Iterator[str | None]:
    """Yield for each docstring None, or its place and the words it begins with."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        docstring = ast.get_docstring(node)
        if docstring:
            words = docstring.split()
            banned = words[0].rstrip(",:;.").lower() in BANNED
            line = 1 if isinstance(node, ast.Module) else node.body[0].lineno
            kind = "a verb in the imperative" if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else "a noun"
            yield f'{name}:{line}: "{" ".join(words[:5])} ...": begin with {kind}' if banned else None


def test_docstrings_begin_with_a_verb_or_a_noun() -> None:
    paths = [path for tree in TREES for path in sorted((ROOT / tree).rglob("*.py"))]
    found = [
        offence
        for path in paths
        for offence in offences(ast.parse(path.read_text(encoding="utf-8")), str(path.relative_to(ROOT)))
        if offence is not None
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "opening", ["What", "Whether it", "Where, if at all,", "Who", "Of one task", "In tokens", "None:", "Those that"]
)
def test_openings_that_are_neither_are_found(opening: str) -> None:
    tree = ast.parse(f'"""{opening} is here."""\nclass A:\n    def f():\n        """{opening} is there."""\n')
    found = list(offences(tree, "a.py"))
    assert [offence.split(":")[:2] for offence in found if offence] == [["a.py", "1"], ["a.py", "4"]]
    assert found[0] is not None
    assert found[0].endswith("begin with a noun")
    assert found[1] is not None
    assert found[1].endswith("begin with a verb in the imperative")


@pytest.mark.parametrize(
    "opening",
    ["Return", "Judge", "Registry of", "In-place update", "`in`", "For-loop", "Outcome", "Overview of", "List", "The"],
)
def test_verbs_and_nouns_are_left_alone(opening: str) -> None:
    tree = ast.parse(f'def f():\n    """{opening} something."""\n\ndef g(): ...\n')
    assert list(offences(tree, "a.py")) == [None]
