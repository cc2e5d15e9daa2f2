"""Recognition of tasks by what they ask for: a function, a class, a query, a shell script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, TypeAlias

from engine.problems.functions.converting import convert
from engine.problems.functions.literals import operations_of
from engine.problems.functions.signature import READS_STDIN
from engine.problems.problem import IOExample

TaskKind: TypeAlias = Literal["function", "class", "sql", "shell", "unknown"]

_SQL_CODE = re.compile(
    r"\A(?:\s*(?:--|#)[^\n]*\n)*\s*(?:SELECT\b|WITH\s+\w+\s+AS\b|CREATE\s+(?:OR|TABLE|FUNCTION)\b|INSERT\s+INTO\b|"
    r"UPDATE\s+\w+\s+SET\b|DELETE\s+FROM\b)|\bMySQL query statement\b|\bpd\.DataFrame\b",
    re.IGNORECASE,
)
_SQL_WORDS = re.compile(
    r"(?:\bwrite\b|编写)[^.\n]{0,60}\bSQL\b|(?:Column Name|列名)\W{1,40}(?:Type|类型)"
    r"|\bSQL\b[^.\n]{0,10}(?:查询|クエリ|쿼리)",
    re.IGNORECASE,
)
_SQL_TABLE = re.compile(r"^\s*\+-{2,}\+", re.MULTILINE)
_SHELL_CODE = re.compile(r"\A\s*(?:#!\s*/\S*\b(?:ba|z|da)?sh\b|#[^\n]*\bfrom the file\b)")
_SHELL_WORDS = re.compile(
    r"\b(?:bash|shell)\s*(?:脚本|スクリプト)|\b(?:write|give|create)\b[^.\n]{0,40}\b(?:bash|shell)\s+(?:script|command|one-liner)",
    re.IGNORECASE,
)
_CLASS_WORDS = re.compile(
    r"(?:\b[Ii]mplement|\b[Dd]esign|实现|设计)\s{0,3}(?:the|a|an)?\s{0,3}[`*]{0,3}[A-Z]\w{1,80}[`*]{0,3}\s{0,3}(?:class\b|类)"
    r"|instantiated and called as such"
)
_CLASS_CODE = re.compile(r"^[ \t]*(?:public[ \t]+)?class[ \t]+(?P<name>\w+)", re.MULTILINE)
_CONSTRUCTOR = re.compile(r"\bdef\s+__init__\s*\(|\b(?:public\s+)?Solution\s*\([^)]*\)\s*\{")
_TOP_LEVEL = re.compile(r"^(?:async[ \t]+)?def[ \t]", re.MULTILINE)


def kind_of(code: Sequence[str], examples: Sequence[IOExample], words: str) -> TaskKind:
    """Tell the kind of a task from blocks of code beside it, its examples as written, and the text around them.

    "unknown" says that nothing points to another task than one on standard input.
    """
    if any(_SQL_CODE.search(block) for block in code) or _SQL_WORDS.search(words):
        return "sql"
    if any(_SQL_TABLE.search(example.input) for example in examples):
        return "sql"
    if any(_SHELL_CODE.search(block) for block in code) or _SHELL_WORDS.search(words):
        return "shell"
    if any(operations_of(example.input) for example in examples) or _CLASS_WORDS.search(words):
        return "class"
    if _declares_a_class(code):
        return "class"
    return "unknown" if convert(examples, code) is None else "function"


def _declares_a_class(code: Sequence[str]) -> bool:
    """Tell whether code declares the class that the task asks for; `Solution` alone only wraps a function."""
    blocks = [block for block in code if _CLASS_CODE.search(block) and not READS_STDIN.search(block)]
    named = [head["name"] for block in blocks for head in _CLASS_CODE.finditer(block)]
    if "Solution" in named:
        return any(_makes_an_object(block) for block in blocks)
    return bool(named) and not any(_TOP_LEVEL.search(block) for block in code)


def _makes_an_object(block: str) -> bool:
    """Tell whether `Solution` itself has a constructor: then its methods are called on one object."""
    after = block.rpartition("class Solution")[2]
    return "class Solution" in block and bool(_CONSTRUCTOR.search(after.partition("\nclass ")[0]))
