"""Reader of assertions in Python: `assert f([1, 2]) == 3` as a call with its values and the expected result.

    f(..) == e, e == f(..), f(..) is e, f(..) and not f(..), math.isclose(f(..), e, ..), abs(f(..) - e) < tolerance,
    and a conversion around both sides, as in set(f(..)) == set(e)

Arguments and expected results are literals and arithmetic with them. Nothing is executed; what is something else, a
name, an object, a call, is refused with the reason.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from engine.problems.functions.value_types import MAX_DEPTH, Refusal

Wrapper: TypeAlias = Literal["", "set", "frozenset", "sorted", "list", "tuple", "dict", "int", "float", "str", "bool"]

_WRAPPERS: Mapping[str, Callable[[Any], object]] = {
    "set": set, "frozenset": frozenset, "sorted": sorted, "list": list, "tuple": tuple, "dict": dict,
    "int": int, "float": float, "str": str, "bool": bool,
}  # fmt: skip
_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
}  # fmt: skip
_CONSTANTS = {"math.pi": math.pi, "math.e": math.e}
_MOST_BITS, _LONGEST = 4096, 100_000
"""Size of a number, and length of a text or list, that arithmetic may make."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """Call of a function and its expected result.

    call, source: code of the call with its conversion, and of the whole assertion. wrapper: conversion of the result
    before it is compared. is_truth: the function only has to return something that counts as `expected`.
    tolerance: widest difference that the assertion accepts, 0 where it compares exactly.
    """

    function: str
    arguments: tuple[object, ...]
    expected: object
    call: str
    source: str
    wrapper: Wrapper = ""
    is_truth: bool = False
    tolerance: float = 0.0


def read_assertions(source: str, function: str = "") -> list[Assertion | Refusal]:
    """Read the statements of a test file: each `assert`, wherever it stands, as an assertion or the reason against it.

    function: the only one whose calls count; "" takes the one that an assertion calls. Assertions without any call,
    `assert True`, test nothing and are left out. Raises Refusal for source that Python cannot parse.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Refusal("its tests are no Python") from None
    return [*_assertions(tree.body, function, inside="")]


def _assertions(body: Sequence[ast.stmt], function: str, inside: str) -> Iterator[Assertion | Refusal]:
    for statement in body:
        if isinstance(statement, ast.Assert):
            try:
                if not any(isinstance(node, ast.Call) for node in ast.walk(statement.test)):
                    continue
                if inside:
                    raise Refusal(f"its assertion stands in a {inside}")
                yield _assertion(statement, function)
            except Refusal as refusal:
                yield refusal
            except (ValueError, TypeError, ArithmeticError, RecursionError, MemoryError):
                yield Refusal(f"its assertion cannot be read: {_shown(statement)}")
        elif isinstance(statement, ast.FunctionDef):
            yield from _assertions(statement.body, function, inside)
        elif isinstance(statement, ast.For | ast.While | ast.With | ast.If | ast.Try):
            is_loop = isinstance(statement, ast.For | ast.While)
            yield from _assertions(statement.body, function, "loop" if is_loop else inside or "block")


def _assertion(statement: ast.Assert, function: str) -> Assertion:
    test = statement.test
    negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    inner = test.operand if isinstance(test, ast.UnaryOp) and negated else test
    source = f"assert {ast.unparse(test)}"
    if isinstance(inner, ast.Call) and _dotted(inner.func) in ("math.isclose", "isclose"):
        return _close(inner, source, function)
    if isinstance(inner, ast.Call):
        wrapper, call = _unwrapped(inner, function)
        return _made(call, not negated, source, wrapper, is_truth=True)
    if not (isinstance(inner, ast.Compare) and len(inner.ops) == 1) or negated:
        raise Refusal(f"its assertion is no comparison of a call: {_shown(statement)}")
    left, sign, right = inner.left, inner.ops[0], inner.comparators[0]
    if isinstance(sign, ast.Lt | ast.LtE):
        return _within(left, right, source, function)
    if not isinstance(sign, ast.Eq | ast.Is):
        raise Refusal(f"its assertion is no equality: {_shown(statement)}")
    try:
        wrapper, call = _unwrapped(left, function)
        other = right
    except Refusal:
        try:
            wrapper, call = _unwrapped(right, function)
        except Refusal:
            raise Refusal(f"its assertion compares no call of one function: {_shown(statement)}") from None
        other = left
    return _made(call, _constant(other), source, wrapper)


def _made(
    call: ast.Call, expected: object, source: str, wrapper: str = "", *, is_truth: bool = False, tolerance: float = 0.0
) -> Assertion:
    assert isinstance(call.func, ast.Name)
    if call.keywords or any(isinstance(each, ast.Starred) for each in call.args):
        raise Refusal(f"a call names its arguments: {ast.unparse(call)[:60]}")
    code = ast.unparse(call)
    return Assertion(
        function=call.func.id,
        arguments=tuple(_constant(each) for each in call.args),
        expected=expected,
        call=f"{wrapper}({code})" if wrapper else code,
        source=source,
        wrapper=cast(Wrapper, wrapper),
        is_truth=is_truth,
        tolerance=tolerance,
    )


def _unwrapped(node: ast.expr, function: str) -> tuple[str, ast.Call]:
    """Return the conversion around a call, "" for none, and the call. Raises Refusal for anything else."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        name = node.func.id
        if function == name or (not function and name not in _WRAPPERS):
            return "", node
        if name in _WRAPPERS and len(node.args) == 1 and not node.keywords:
            outer, call = _unwrapped(node.args[0], function)
            if not outer:
                return name, call
    raise Refusal(f"its assertion calls another function: {ast.unparse(node)[:60]}")


def _close(node: ast.Call, source: str, function: str) -> Assertion:
    if len(node.args) != 2:
        raise Refusal(f"its assertion cannot be read: {source[:60]}")
    wrapper, call = _unwrapped(node.args[0], function)
    expected = _constant(node.args[1])
    if not isinstance(expected, int | float):
        raise Refusal(f"its assertion cannot be read: {source[:60]}")
    widths = {each.arg: float(cast(Any, _constant(each.value))) for each in node.keywords if each.arg}
    tolerance = max(widths.get("rel_tol", 1e-9) * abs(expected), widths.get("abs_tol", 0.0))
    return _made(call, expected, source, wrapper, tolerance=tolerance)


def _within(left: ast.expr, right: ast.expr, source: str, function: str) -> Assertion:
    """Read abs(f(..) - e) < tolerance."""
    is_distance = isinstance(left, ast.Call) and _dotted(left.func) in ("abs", "math.fabs") and len(left.args) == 1
    if is_distance:
        distance = cast(ast.Call, left).args[0]
        if isinstance(distance, ast.BinOp) and isinstance(distance.op, ast.Sub):
            for one, other in ((distance.left, distance.right), (distance.right, distance.left)):
                try:
                    wrapper, call = _unwrapped(one, function)
                except Refusal:
                    continue
                width = float(cast(Any, _constant(right)))
                return _made(call, _constant(other), source, wrapper, tolerance=width)
    raise Refusal(f"its assertion is no equality: {source[:60]}")


def _constant(node: ast.expr, depth: int = 0) -> object:
    """Return the value of a literal, or of arithmetic with literals. Raises Refusal for anything else."""
    if depth > MAX_DEPTH:
        raise Refusal("a value is nested too deeply")
    below = depth + 1
    match node:
        case ast.Constant():
            if isinstance(node.value, complex | bytes) or node.value is Ellipsis:
                raise Refusal(f"a {type(node.value).__name__} has no form in lines of text")
            return node.value
        case ast.List():
            return [_constant(each, below) for each in node.elts]
        case ast.Tuple():
            return tuple(_constant(each, below) for each in node.elts)
        case ast.Set():
            return {_constant(each, below) for each in node.elts}
        case ast.Dict() if None not in node.keys:
            keys = [_constant(each, below) for each in node.keys if each is not None]
            return dict(zip(keys, (_constant(each, below) for each in node.values), strict=True))
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not()):
            value: Any = _constant(node.operand, below)
            return -value if isinstance(node.op, ast.USub) else +value if isinstance(node.op, ast.UAdd) else not value
        case ast.BinOp():
            return _computed(node, below)
        case ast.Attribute() if _dotted(node) in _CONSTANTS:
            return _CONSTANTS[_dotted(node)]
        case ast.Call(func=ast.Name(id=name)) if name in _WRAPPERS and len(node.args) <= 1 and not node.keywords:
            return _WRAPPERS[name](*(_constant(each, below) for each in node.args))
    raise Refusal(f"it needs {ast.unparse(node)[:60]}, which is no literal")


def _computed(node: ast.BinOp, depth: int) -> object:
    left, right = _constant(node.left, depth), _constant(node.right, depth)
    compute = _ARITHMETIC.get(type(node.op))
    if compute is None:
        raise Refusal(f"it needs {ast.unparse(node)[:60]}, which is no literal")
    if isinstance(left, int | float) and isinstance(right, int | float):
        is_power = isinstance(node.op, ast.Pow)
        if is_power and isinstance(left, int) and isinstance(right, int) and left.bit_length() * right > _MOST_BITS:
            raise Refusal("a number is too large")
        value = compute(left, right)
        if isinstance(value, int) and value.bit_length() > _MOST_BITS:
            raise Refusal("a number is too large")
        if isinstance(value, complex):
            raise Refusal("a complex has no form in lines of text")
        return value
    if isinstance(node.op, ast.Mult | ast.Add):
        sized = [len(each) for each in (left, right) if isinstance(each, str | list | tuple)]
        times = [each for each in (left, right) if isinstance(each, int)]
        if sized and sum(sized) * max([1, *times]) <= _LONGEST:
            return compute(left, right)
    raise Refusal(f"it needs {ast.unparse(node)[:60]}, which is no literal")


def _dotted(node: ast.expr) -> str:
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def _shown(statement: ast.Assert) -> str:
    text = ast.unparse(statement.test)
    return text if len(text) <= 60 else f"{text[:57]}..."
