"""Programs around a function: the code that reads its arguments from standard input, calls it and prints the result.

A reference of a function task so becomes one of the converted task. The code is plain Python for the types of the task
alone, and imports nothing of this project: it is data, written into the task's record.
"""

from __future__ import annotations

from engine.problems.functions.converting import FunctionTask
from engine.problems.functions.encoding import Constants, has_pairs, height_of
from engine.problems.functions.value_types import ELLIPSIS, Type

_PLAIN = """\
def _plain(value):
    if isinstance(value, dict):
        items = [[_plain(key), _plain(item)] for key, item in value.items()]
        if {pairs}:
            return sorted(items, key=lambda item: item[0])
        return dict(sorted(items, key=lambda item: item[0])) if all(isinstance(key, str) for key in value) else items
    if isinstance(value, (set, frozenset)):
        return [_plain(each) for each in sorted(value)]
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value
"""

_SHOWN = """\
def _word(value):
    names = {{"False": {false!r}, "True": {true!r}, "None": {none!r}}}
    return names.get(str(value), str(value)) if value is None or isinstance(value, bool) else str(value)


def _shown(value):
    if isinstance(value, dict):
        return "\\n".join(_word(key) + " " + _word(item) for key, item in sorted(value.items()))
    if isinstance(value, (set, frozenset)):
        value = sorted(value)
    if not isinstance(value, (list, tuple)):
        return _word(value)
    if value and all(isinstance(row, (list, tuple, set, frozenset)) for row in value):
        return "\\n".join(" ".join(map(_word, sorted(row) if isinstance(row, set) else row)) for row in value)
    return " ".join(map(_word, value))
"""


def program_of(task: FunctionTask, code: str, call: str, wrapper: str = "") -> str:
    """Return `code` as a program for the converted task. call: the function, `f` or `Solution().f`.

    wrapper: builtin that converts the result, as in `Assertion.wrapper`; "" for none.
    """
    arguments = _json_arguments(task) if task.style == "json" else _line_arguments(task)
    result = f"{call}({', '.join(arguments)})"
    result = f"{wrapper}({result})" if wrapper else result
    if task.style == "json":
        helper = _PLAIN.format(pairs=has_pairs(task.returns))
        shown = f"_json.dumps(_plain({result}), ensure_ascii=False)"
    else:
        false, true, none = task.constants
        helper, shown = _SHOWN.format(false=false, true=true, none=none), f"_shown({result})"
    imports = "import json as _json\nimport sys as _sys\n"
    read = 'lines = _sys.stdin.read().split("\\n")\n    if lines[-1] == "":\n        lines.pop()'
    main = f"def _main():\n    {read}\n    print({shown})\n\n\n_main()\n"
    return f"{code.strip()}\n\n\n{imports}\n\n{helper}\n\n{main}"


def _json_arguments(task: FunctionTask) -> list[str]:
    return [_typed(f"_json.loads(lines[{place}])", each.type) for place, each in enumerate(task.parameters)]


def _typed(value: str, kind: Type, depth: int = 0) -> str:
    """Return code that gives a decoded JSON value the types that JSON has no word for."""
    if not any(part.kind in ("set", "tuple", "float", "dict") for part in kind.parts()):
        return value
    name = f"v{depth}"
    match kind.kind:
        case "float":
            return f"float({value})"
        case "optional":
            return f"(lambda {name}: None if {name} is None else {_typed(name, kind.of[0], depth + 1)})({value})"
        case "list" | "set":
            element = _typed(name, kind.of[0], depth + 1)
            opening, closing = "[]" if kind.kind == "list" else "{}"
            return f"{opening}{element} for {name} in {value}{closing}"
        case "tuple" if ELLIPSIS in kind.of:
            return f"tuple({_typed(name, kind.of[0], depth + 1)} for {name} in {value})"
        case "tuple":
            parts = [_typed(f"{name}[{place}]", part, depth + 1) for place, part in enumerate(kind.of)]
            return f"(lambda {name}: ({', '.join(parts)},))({value})"
        case "dict":
            key, item = _typed(f"k{depth}", kind.of[0], depth + 1), _typed(name, kind.of[1], depth + 1)
            items = f"{value}.items()" if kind.of[0].kind == "str" else value
            return f"{{{key}: {item} for k{depth}, {name} in {items}}}"
    return value


def _line_arguments(task: FunctionTask) -> list[str]:
    kinds = [each.type for each in task.parameters]
    table = next((place for place, kind in enumerate(kinds) if height_of(kind) is None), None)
    found = []
    for place, kind in enumerate(kinds):
        if table is None or place < table:
            found.append(_from_line(f"lines[{place}]", kind, task.constants))
        elif place == table:
            end = f"{place - len(kinds) + 1}" if place < len(kinds) - 1 else ""
            found.append(_from_rows(f"lines[{place}:{end}]", kind, task.constants))
        else:
            found.append(_from_line(f"lines[{place - len(kinds)}]", kind, task.constants))
    return found


def _from_rows(rows: str, kind: Type, constants: Constants) -> str:
    if kind.kind == "dict":
        key, item = (_from_word(f"row.split()[{place}]", part, constants) for place, part in enumerate(kind.of))
        return f"{{{key}: {item} for row in {rows}}}"
    opening, closing = "[]" if kind.kind == "list" else "{}"
    return f"{opening}{_from_line('row', kind.of[0], constants)} for row in {rows}{closing}"


def _from_line(line: str, kind: Type, constants: Constants) -> str:
    if kind.is_scalar:
        return _from_word(line, kind, constants)
    if kind.kind == "tuple" and ELLIPSIS not in kind.of:
        parts = [_from_word(f"{line}.split()[{place}]", part, constants) for place, part in enumerate(kind.of)]
        return f"({', '.join(parts)},)"
    words = f"{_from_word('word', kind.of[0], constants)} for word in {line}.split()"
    return {"list": f"[{words}]", "set": f"{{{words}}}", "tuple": f"tuple({words})"}[kind.kind]


def _from_word(word: str, kind: Type, constants: Constants) -> str:
    if kind.kind in ("int", "float"):
        return f"{kind.kind}({word})"
    return f"{word} == {constants[1]!r}" if kind.kind == "bool" else word
