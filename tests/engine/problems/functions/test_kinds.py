"""Kinds of tasks, told by their code, their examples and their words."""

from __future__ import annotations

import pytest

from engine.problems import IOExample
from engine.problems.functions import TaskKind, kind_of

CALL = [("nums = [1]", "2")]
LINES = [("3 4", "7")]
METHOD = "class Solution:\n    def f(self, nums: List[int]) -> int: ..."


@pytest.mark.parametrize(
    ("kind", "code", "pairs", "words"),
    [
        ("function", METHOD, CALL, "Return the sum."),
        ("function", METHOD, [], "Return the sum."),
        ("function", "", CALL, "Return the sum."),
        ("function", "var f = function(nums) {\n};", CALL, ""),
        ("function", "class Trie:\n    def __init__(self): ...\n\n" + METHOD, CALL, ""),
        ("class", "", [('["Stack","push"]\n[[],[1]]', "[null,null]")], ""),
        ("class", "class Stack:\n    def __init__(self): ...\n    def push(self, x): ...", [], ""),
        ("class", "class Solution:\n    def __init__(self, n: int): ...\n    def pick(self) -> int: ...", [], ""),
        ("class", "", [], "Implement the `Stack` class with two methods."),
        ("sql", "SELECT name FROM person", [], ""),
        ("sql", "# Write your MySQL query statement below\n", [], ""),
        ("sql", "", [], "Write an SQL query that reports every name."),
        ("sql", "", [], "| Column Name | Type |\n| id | int |"),
        ("sql", "", [("Person table:\n+----+------+\n| id | name |", "x")], ""),
        ("sql", "def f(person: pd.DataFrame) -> pd.DataFrame: ...", [], ""),
        ("shell", "#!/bin/bash\nuniq words.txt", [], ""),
        ("shell", "", [], "Write a bash script to count words."),
        ("unknown", "", LINES, "Sort with shell sort and print the query."),
        ("unknown", "class Point:\n    pass\n\nprint(input())", LINES, "Add."),
        ("unknown", "", [], "Say hello."),
    ],
)
def test_kinds(kind: TaskKind, code: str, pairs: list[tuple[str, str]], words: str) -> None:
    assert kind_of([code] if code else [], [IOExample(*pair) for pair in pairs], words) == kind
