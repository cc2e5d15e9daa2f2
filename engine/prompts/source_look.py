"""Static look at a program: does it compile, read its input, print, and what does it need from elsewhere.

Nothing is executed. The look is a guess from names: programs that hide what they do look as if they read.
"""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from dataclasses import dataclass
from functools import lru_cache

MOST_CHARACTERS = 100_000
"""Longer sources are not parsed: no answer of that length is worth the time."""
_ENDLESS_NAME = re.compile(r"(?<!\w)(?:\w++\s*+\.\s*+){1000}")
"""Name of a thousand parts: the time that Python takes to parse `import a.a.a` grows with the square of them."""
_READERS = frozenset(
    {"stdin", "__stdin__", "fileinput", "open", "fdopen", "read", "readline", "readlines", "raw_input"}
)
_OPAQUE = frozenset({"exec", "eval", "__import__", "import_module", "compile"})
_WRITERS = frozenset({"print", "write", "writelines"})


@dataclass(frozen=True, slots=True)
class Look:
    """Facts about a source that compiles.

    reads, writes: it names something that reads standard input, or prints. needs: names that it uses and neither
    defines nor imports. defines: its functions and classes. fed: it holds an input of its own, as a demonstration does.
    """

    reads: bool
    writes: bool
    fed: bool
    needs: frozenset[str]
    defines: frozenset[str]


def can_be_parsed(source: str) -> bool:
    """Return False for a source that Python would parse for minutes, and no signal would end it."""
    return _ENDLESS_NAME.search(source) is None


@lru_cache(maxsize=256)
def look_at(source: str) -> Look | None:
    """Return what a source shows; None if it does not compile, is blank or too long."""
    if not source.strip() or len(source) > MOST_CHARACTERS or not can_be_parsed(source):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in the answer are not the user's concern
            tree = ast.parse(source)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    used, bound, defined, attributes = set[str](), set[str](), set[str](), set[str]()
    fed = False
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                used.add(name)
            case ast.Name(id=name) | ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                defined.add(name)
            case ast.alias(name=name, asname=asname):
                bound.add(asname or name.partition(".")[0])
                attributes.add(name.rpartition(".")[2])
            case ast.Attribute(attr=name):
                attributes.add(name)
            case ast.Call(func=ast.Name(id="StringIO" | "BytesIO") | ast.Attribute(attr="StringIO" | "BytesIO")):
                fed = fed or any(isinstance(value, ast.Constant) and value.value for value in node.args)
            case _:
                pass
    named = used | attributes
    own_input = "input" in bound | defined
    return Look(
        reads=bool(named & (_READERS | _OPAQUE)) or ("input" in named and not own_input),
        writes=bool(named & (_WRITERS | _OPAQUE)),
        fed=fed,
        needs=frozenset(used - bound - defined - _BUILTINS),
        defines=frozenset(defined),
    )


_BUILTINS = frozenset(dir(builtins)) | {"__name__", "__file__"}
