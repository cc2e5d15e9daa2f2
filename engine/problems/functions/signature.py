"""Signatures in starter code: Python, Java, C++, C#, JavaScript with JSDoc, TypeScript, Go, Rust.

Only the head of a function is read: starter code has no body, and other languages need no parser for this.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.problems.functions.value_types import (
    BOOL,
    ELLIPSIS,
    FLOAT,
    INT,
    MAX_DEPTH,
    NONE,
    STR,
    TREE,
    UNKNOWN,
    Type,
)  # fmt: skip

_MAX_CODE = 100_000
"""Characters of a code block that are looked at."""

READS_STDIN = re.compile(
    r"\binput\(|sys\.stdin|\bScanner\b|\bSystem\.in\b|\bcin\b|\bscanf\b|\breadline\b|\breadLine\b|\bgets\("
    r"|\bfmt\.Scan|\bio::stdin|\bbufio\b|Console\.Read|process\.stdin|/dev/stdin"
)

_PYTHON = re.compile(r"^[ \t]*(?:async[ \t]+)?def[ \t]+(?P<name>\w+)[ \t]*\(", re.MULTILINE)
_RETURNS = re.compile(r"\s*->\s*(?P<type>[^:\n]{1,200}?)\s*:")
_TYPED_HEADS = (
    re.compile(
        r"\bfunc[ \t]+(?P<name>\w+)[ \t]*\((?P<inside>[^(){};]*)\)[ \t]*(?P<type>[^({\n]{0,200}?)[ \t]*\{"
    ),  # Go
    re.compile(
        r"\bfn[ \t]+(?P<name>\w+)[ \t]*\((?P<inside>[^(){};]*)\)[ \t]*(?:->[ \t]*(?P<type>[^{;\n]{1,200}?)[ \t]*)?\{"
    ),
    re.compile(
        r"\bfunction[ \t]+(?P<name>\w+)[ \t]*\((?P<inside>[^(){};]*)\)"
        r"[ \t]*(?::[ \t]*(?P<type>[^{;\n]{1,200}?)[ \t]*)?[{\n]"
    ),
    re.compile(
        r"\b(?:var|let|const)[ \t]+(?P<name>\w+)[ \t]*=[ \t]*(?:async[ \t]+)?(?:function[ \t]*)?"
        r"\((?P<inside>[^(){};]*)\)[ \t]*(?::[ \t]*(?P<type>[^{;=\n]{1,200}?)[ \t]*)?(?:=>|\{)"
    ),
    re.compile(
        r"(?P<type>\b[A-Za-z_][\w:.]{0,80}(?:<[^(){};\n]{0,200}>)?(?:\[\])*)(?:[ \t]*[&*]+)?[ \t]+"
        r"[&*]*(?P<name>[A-Za-z_]\w*)[ \t]*\((?P<inside>[^(){};]*)\)[ \t\n]*(?:const[ \t\n]*)?\{"
    ),  # Java, C++, C#
)
_BLANKS = re.compile(r"[ \t]+")
_NO_TYPE = frozenset(
    [
        "return",
        "new",
        "else",
        "if",
        "while",
        "for",
        "switch",
        "catch",
        "func",
        "fn",
        "def",
        "function",
        "do",
        "throw",
        "await",
        "yield",
    ]
)
_NO_NAME = frozenset(["main", "if", "while", "for", "switch", "catch"])
_JSDOC = re.compile(r"@(?P<tag>param|returns?)\s*\{(?P<type>[^{}\n]+)\}")

_SCALARS = {
    INT: "int long short byte integer int8 int16 int32 int64 uint uint8 uint32 uint64 i8 i16 i32 i64 u8 u32 u64 usize "
    "isize size_t int64_t uint32_t uint64_t bigint biginteger unsigned",
    FLOAT: "float double f32 f64 float32 float64 decimal",
    BOOL: "bool boolean",
    STR: "str string char character rune chararray",
    NONE: "none void",
}
_BY_NAME = {name: kind for kind, names in _SCALARS.items() for name in names.split()}
_SEQUENCES = frozenset(
    [
        "list",
        "vector",
        "arraylist",
        "linkedlist",
        "array",
        "vec",
        "sequence",
        "iterable",
        "collection",
        "ilist",
        "ienumerable",
        "deque",
        "iterator",
    ]
)
_SETS = frozenset(["set", "hashset", "unordered_set", "frozenset", "treeset", "iset", "linkedhashset"])
_DICTS = frozenset(
    [
        "dict",
        "map",
        "hashmap",
        "unordered_map",
        "treemap",
        "dictionary",
        "idictionary",
        "mapping",
        "record",
        "defaultdict",
    ]
)
_WRAPPERS = frozenset(["optional", "option", "rc", "refcell", "box", "arc"])
_NOISE = re.compile(r"\bstd::|\btyping\.|\bconst\b|\bfinal\b|\bmut\b|\bout\b|\bref\b|[&*?]|'[a-z]+\b")
_GENERIC = re.compile(r"(?P<name>[A-Za-z_][\w.]*)\s*(?:<(?P<angle>.*)>|\[(?P<square>.*)\])", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Parameter:
    """Parameter of a function. name: "" where the examples give values alone."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Signature:
    """Head of a function as its code declares it; UNKNOWN stands for a type that it does not name."""

    name: str
    parameters: tuple[Parameter, ...]
    returns: Type
    is_python: bool


def signatures(code: Sequence[str]) -> list[Signature]:
    """Return the functions that the blocks declare, in order; none of a block that reads standard input itself."""
    found: list[Signature] = []
    for block in code:
        block = block[:_MAX_CODE]
        if not READS_STDIN.search(block):
            found += [*_python(block)] or [*_typed(block)]
    return found


def _python(block: str) -> Iterator[Signature]:
    for head in _PYTHON.finditer(block):
        inside = _balanced(block, head.end())
        if inside is None or head["name"].startswith("__") or head["name"] in _NO_NAME:
            continue
        returns = _RETURNS.match(block, head.end() + len(inside) + 1)
        try:
            given = ast.parse(f"def f({inside}): pass").body[0]
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        assert isinstance(given, ast.FunctionDef)
        arguments = given.args
        if arguments.vararg or arguments.kwarg or arguments.kwonlyargs:
            continue
        parameters = tuple(
            Parameter(each.arg, annotation(ast.unparse(each.annotation)) if each.annotation else UNKNOWN)
            for each in (*arguments.posonlyargs, *arguments.args)
            if each.arg not in ("self", "cls")
        )
        yield Signature(head["name"], parameters, annotation(returns["type"]) if returns else UNKNOWN, True)


def _balanced(text: str, start: int) -> str | None:
    """Return the text up to the parenthesis that closes the one before `start`."""
    depth = 1
    for place in range(start, min(len(text), start + 2000)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return text[start:place]
    return None


def _typed(block: str) -> Iterator[Signature]:
    block = _BLANKS.sub(" ", block)  # the patterns below would try every split of a long run
    for pattern in _TYPED_HEADS:
        heads = [head for head in pattern.finditer(block) if _is_head(head)]
        previous = 0
        for head in heads:
            documented = list(_JSDOC.finditer(block, previous, head.start()))
            previous = head.end()
            types = [annotation(each["type"]) for each in documented if each["tag"] == "param"]
            parameters = _parameters(head["inside"])
            if len(types) == len(parameters):
                parameters = [Parameter(each.name, kind) for each, kind in zip(parameters, types, strict=True)]
            results = [annotation(each["type"]) for each in documented if each["tag"] != "param"]
            returns = annotation(head["type"]) if head["type"] else (results or [UNKNOWN])[-1]
            yield Signature(head["name"], tuple(parameters), returns, False)
        if heads:
            return


def _is_head(head: re.Match[str]) -> bool:
    return (head["type"] or "").strip() not in _NO_TYPE and head["name"] not in _NO_NAME


def _parameters(inside: str) -> list[Parameter]:
    """Read `int[] a, int k`, `a: number[], k = 1` or `a []int, k int`."""
    found: list[Parameter] = []
    for part in _split(inside):
        text = " ".join(part.partition("=")[0].split())
        name, colon, kind = text.partition(":")
        if colon and not kind.startswith(":"):  # TypeScript, Rust
            found.append(Parameter(name.strip().removeprefix("mut ").rstrip("?"), annotation(kind)))
            continue
        words = text.split(" ")
        name = words[-1].lstrip("&*")
        if len(words) == 1:
            found.append(Parameter(name, UNKNOWN))
        elif annotation(words[-1]) != UNKNOWN and annotation(words[0]) == UNKNOWN and len(words) == 2:  # Go
            kind = words[1]
            found = [Parameter(each.name, annotation(kind)) if each.type == UNKNOWN else each for each in found]
            found.append(Parameter(words[0], annotation(kind)))
        else:
            suffix = "[]" * name.count("[")
            found.append(Parameter(name.partition("[")[0], annotation(" ".join(words[:-1]) + suffix)))
    return [each for each in found if each.name not in ("", "self")]


def _split(text: str) -> list[str]:
    """Split at the commas that stand in no brackets."""
    parts, depth, start = [], 0, 0
    for place, sign in enumerate(text):
        depth += {"<": 1, "[": 1, "(": 1, ">": -1, "]": -1, ")": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return [part.strip() for part in (*parts, text[start:]) if part.strip()]


def annotation(text: str, depth: int = 0) -> Type:
    """Return the type that an annotation of any of the languages names; UNKNOWN for others."""
    text = _NOISE.sub("", text).strip().strip("\"'").strip()
    if depth > MAX_DEPTH or len(text) > 500:
        return UNKNOWN
    sides = [side.strip() for side in text.split("|")]
    if len(sides) == 2 and {"None", "null", "undefined"} & set(sides):  # int | None
        text = next(side for side in sides if side not in ("None", "null", "undefined"))
    for array in (text.removesuffix("[]"), text.removeprefix("[]")):
        if array != text:
            element = annotation(array, depth + 1)
            return UNKNOWN if element == UNKNOWN else Type("list", (element,))
    name = text.rpartition(".")[2].lower()
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name.rpartition(" ")[2] in ("int", "long") and set(name.split()) <= {"long", "unsigned", "int"}:
        return INT
    if name in ("treenode", "listnode"):
        return TREE if name == "treenode" else Type("list", (INT,))
    if name in _SEQUENCES | _SETS | _DICTS | {"tuple"}:
        return UNKNOWN
    generic = _GENERIC.fullmatch(text)
    if generic is None:
        return UNKNOWN
    return _generic(generic["name"].rpartition(".")[2].lower(), generic["angle"] or generic["square"] or "", depth)


def _generic(name: str, inside: str, depth: int) -> Type:
    parts = [ELLIPSIS if part == "..." else annotation(part, depth + 1) for part in _split(inside)]
    if name in _WRAPPERS and len(parts) == 1:
        return parts[0]
    if name in _SEQUENCES | _SETS and len(parts) == 1:
        return UNKNOWN if parts[0] == UNKNOWN else Type("set" if name in _SETS else "list", (parts[0],))
    if name in _DICTS and len(parts) == 2:
        return Type("dict", tuple(parts))
    if name in ("tuple", "pair") and parts and UNKNOWN not in parts:
        return Type("tuple", tuple(parts))
    return UNKNOWN
