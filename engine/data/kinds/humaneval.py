"""Converter of HumanEval: a prompt in Python, its solution, and a test function with assertions on `candidate`."""

from __future__ import annotations

import ast
import inspect

from engine.data.converted import Kept, Options, Unusable
from engine.data.fields import Fields
from engine.data.function_tasks import asserted, function_task
from engine.problems import Problem
from engine.problems.functions import UNKNOWN, Refusal, Signature, read_assertions, signatures

_SECONDS = 3.0


def identify(fields: Fields) -> str:
    return fields.text("task_id").lower()


def convert(fields: Fields, options: Options) -> Kept:
    prompt, name = fields.text("prompt"), fields.text("entry_point")
    try:
        found = read_assertions(fields.text("test"), "candidate")
    except Refusal as refusal:
        raise Unusable(str(refusal)) from None
    problem = Problem(
        id=identify(fields),
        statement=_statement(prompt, name),
        public=(),
        hidden=(),
        time_limit=_SECONDS * options.time_factor,
        dataset="humaneval",
        source=identify(fields),
    )
    head = next((each for each in signatures([prompt]) if each.name == name), Signature(name, (), UNKNOWN, True))
    code = f"{prompt}{fields.text('canonical_solution').rstrip()}\n"
    return function_task(asserted(problem, found, head, code, call=name), options)


def _statement(prompt: str, name: str) -> str:
    """Return what the prompt says of its function, and the code of the functions that it gives beside it."""
    try:
        body = ast.parse(prompt).body
    except SyntaxError:
        raise Unusable("its prompt is no Python") from None
    functions = {each.name: each for each in body if isinstance(each, ast.FunctionDef)}
    if name not in functions:
        raise Unusable(f"its prompt does not declare {name}")
    inside = functions.pop(name).body
    texts = [each.value for each in inside if isinstance(each, ast.Expr)]  # one prompt has an import before it
    words = next((each.value for each in texts if isinstance(each, ast.Constant) and isinstance(each.value, str)), "")
    words = inspect.cleandoc(words)
    if not words:
        raise Unusable("its prompt says nothing of the function")
    given = "\n\n\n".join(ast.get_source_segment(prompt, each) or "" for each in functions.values())
    return f"{words}\n\nThis code is given:\n\n```python\n{given}\n```" if given else words
