"""Query language for rollouts: `role:tester reward<0 text:"max("` to a Query and back.

A query is a list of terms, all of which must hold. A term is a field, an operator and a value, or a word that the
answer must contain:

    step:5  step:3..10  tokens>200  advantage>=1  reward:0.33      numbers; reward and advantage match as rounded
    role:tester  finished:no  task:numbers-  task=numbers-01       ":": the id begins so, "=": the whole id
    status:no_block  status:time_limit,crash  status:rejected      the answer's status or an execution's
    max(  "for i in"  text:"role:"                                 words; quoted if they hold a blank or a field
    sort:-reward                                                   order; "-" is descending, default newest first

The status of an answer is `ok` or the reason why it holds no program or test. A program also has the statuses of its
executions (time_limit, runtime_error, memory_limit, crash, compile_error, ...), which are read from the matrices.
A QueryError says what is wrong and where; `str(query)` returns text that parses to the same query.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from cure_tui.dashboard.rollouts.query_model import (
    ALIASES,
    EVERYTHING,
    FIELDS,
    FRACTIONS,
    LARGEST,
    REJECTED,
    ROLES,
    STATUS_NAMES,
    TERM,
    WHOLE_NUMBERS,
    Bounds,
    Query,
    figure,
)
from engine.runs.archive_filter import Order

__all__ = ["EVERYTHING", "Query", "QueryError", "completions", "parse"]


class QueryError(ValueError):
    """Error in a query, in one line; `position` is the index of the faulty character, from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} (character {position + 1})")
        self.message = message
        self.position = position


def parse(text: str) -> Query:
    """Parse a query; blank text matches every rollout. QueryError: a term that is not valid."""
    query = EVERYTHING
    given: set[str] = set()
    for term in _terms(text.encode("utf-8", "replace").decode()):
        if term.field in ("task", "role", "finished", "status", "sort"):
            if term.field in given:
                more = ": separate several with commas, status:crash,time_limit" if term.field == "status" else ""
                raise QueryError(f"{term.field} is given twice{more}", term.at)
            given.add(term.field)
        query = _READERS[term.field](query, term)
    return query


def completions(text: str, tasks: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the texts that complete the last term of `text`. tasks: ids to choose from."""
    start = 0
    for found in _PIECE.finditer(text):
        start = found.start()
    tail = text[start:]
    if not tail or tail.isspace():
        start, tail = len(text), ""
    head = TERM.match(tail)
    if not head:
        options = [each for field, begins in _BEGINNINGS.items() if field.startswith(tail.lower()) for each in begins]
    elif head[1].lower() in FIELDS and head[2] in ":=":
        # A status value is a list with commas: the user is typing its last item.
        typed = tail[head.end() :]
        before = typed[: typed.rfind(",") + 1] if head[1].lower() == "status" else ""
        values = {**_VALUES, "task": tuple(tasks)}.get(head[1].lower(), ())
        options = [
            f"{head[0]}{before}{value}" for value in values if value.startswith(typed.removeprefix(before).lower())
        ]
    else:
        options = []
    return tuple(text[:start] + option for option in options if option != tail)


_PIECE = re.compile(r'(?:[A-Za-z_]+[:=])?"(?:[^"\\]|\\.)*"?|\S+', re.DOTALL)
_VALUES: Mapping[str, Sequence[str]] = {
    "role": ROLES,
    "finished": ("yes", "no"),
    "status": (REJECTED, *STATUS_NAMES),
    "sort": tuple(Order),
}
_BEGINNINGS: Mapping[str, Sequence[str]] = {
    "role": ("role:",),
    "reward": ("reward<0", "reward>0", "reward:"),
    "status": ("status:",),
    "step": ("step:",),
    "task": ("task:",),
    "text": ('text:"',),
    "advantage": ("advantage<0", "advantage>0"),
    "tokens": ("tokens>", "tokens<"),
    "finished": ("finished:",),
    "index": ("index:",),
    "sort": ("sort:",),
}


# Terms --------------------------------------------------------------------------------------------------------

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class _Term:
    """Term of a query, with the positions of the term and of its value. A bare word is a term of the field "text"."""

    field: str
    operator: str
    value: str
    at: int
    value_at: int


def _terms(text: str) -> list[_Term]:
    terms = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        head = TERM.match(text, at)
        field, operator = (head[1].lower(), head[2]) if head else ("text", ":")
        if field not in FIELDS:
            raise QueryError(_unknown_field(head[0] if head else "", field), at)
        value_at = head.end() if head else at
        value, end = _value(text, value_at)
        if not value:
            raise QueryError(f"{field}{operator} needs a value: {_EXAMPLES[field]}", at)
        terms.append(_Term(field, operator, value, at, value_at))
        at = end
    return terms


def _value(text: str, at: int) -> tuple[str, int]:
    """Read the value that begins at `at`; return it with the position of its end."""
    if not text.startswith('"', at):
        end = next((place for place in range(at, len(text)) if text[place].isspace()), len(text))
        return text[at:end], end
    quoted = _QUOTED.match(text, at)
    if not quoted:
        raise QueryError("unclosed quote", at)
    value = re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), quoted[1], flags=re.DOTALL)
    return value, quoted.end()


def _unknown_field(typed: str, field: str) -> str:
    close = difflib.get_close_matches(field, FIELDS, 1)
    hint = f"did you mean {close[0]}?" if close else f'for the text itself, write "{typed}..." in quotes'
    return f"unknown field {field!r}: fields are {', '.join(FIELDS)}; {hint}"


_EXAMPLES = {
    "step": "step:5 or step:3..10",
    "task": "task:numbers-",
    "role": "role:coder or role:tester",
    "index": "index:0",
    "reward": "reward<0",
    "advantage": "advantage>=1",
    "tokens": "tokens>200",
    "finished": "finished:yes or finished:no",
    "status": "status:time_limit or status:rejected",
    "text": 'text:"max("',
    "sort": "sort:-reward or sort:step",
}


# Readers of the fields' values ----------------------------------------------------------------------------------

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.(\d*))?|\.(\d+))(?:[eE][+-]?\d+)?", re.ASCII)


def _read_numbers(query: Query, term: _Term) -> Query:
    bounds: Bounds
    if term.operator in (":", "=") and ".." in term.value:
        low, high = (_number(term, part).low if part else None for part in term.value.split("..", 1))
        if low is None and high is None:
            raise QueryError(f"a range needs a number on at least one side: {term.field}:3..10", term.value_at)
        if low is not None and high is not None and low > high:
            raise QueryError(f"the range runs backwards: {term.field}:{figure(high)}..{figure(low)}", term.value_at)
        bounds = Bounds(low, high)
    else:
        exact = _number(term, term.value)
        bounds = {
            "=": exact,
            ":": exact if term.field in WHOLE_NUMBERS else _as_rounded(term.value, exact),
            "<": Bounds(high=exact.high, high_open=True),
            "<=": Bounds(high=exact.high),
            ">": Bounds(low=exact.low, low_open=True),
            ">=": Bounds(low=exact.low),
        }[term.operator]
    return replace(query, **{term.field: getattr(query, term.field) & bounds})


def _number(term: _Term, text: str) -> Bounds:
    if not _NUMBER.fullmatch(text):
        raise QueryError(f"{term.field} must be a number, not {text!r}: {_EXAMPLES[term.field]}", term.value_at)
    number = float(text) + 0.0  # no negative zero
    if term.field in WHOLE_NUMBERS:
        if not number.is_integer():
            raise QueryError(f"{term.field} must be a whole number, not {text}", term.value_at)
        number = int(number)
    if abs(number) > LARGEST:
        raise QueryError(f"{text} is out of range for {term.field}", term.value_at)
    return Bounds(number, number)


def _as_rounded(text: str, exact: Bounds) -> Bounds:
    """Return the numbers that round to these digits, at two decimals (as in lists) or as many as are given."""
    found = _NUMBER.fullmatch(text)
    assert found is not None  # it was read as a number
    assert exact.low is not None
    half = 0.5 * 10.0 ** -max(2, len(found[1] or found[2] or ""))
    return Bounds(exact.low - half, exact.low + half)


def _read_task(query: Query, term: _Term) -> Query:
    _only(term, ":", "=")
    return replace(query, task=term.value, task_whole=term.operator == "=")


def _read_role(query: Query, term: _Term) -> Query:
    _only(term, ":", "=")
    return replace(query, role=_one_of(term, term.value, ROLES))


def _read_finished(query: Query, term: _Term) -> Query:
    _only(term, ":", "=")
    return replace(query, finished=_one_of(term, term.value, ("yes", "no")) == "yes")


def _read_status(query: Query, term: _Term) -> Query:
    _only(term, ":", "=")
    names = (ALIASES.get(name.lower(), name) for name in term.value.split(","))
    known = (*STATUS_NAMES, REJECTED)
    return replace(query, status=tuple(dict.fromkeys(_one_of(term, name, known) for name in names)))


def _read_text(query: Query, term: _Term) -> Query:
    _only(term, ":", "=")
    return replace(query, texts=tuple(dict.fromkeys((*query.texts, term.value))))


def _read_sort(query: Query, term: _Term) -> Query:
    _only(term, ":", "=")
    return replace(query, order=Order(_one_of(term, term.value, tuple(Order))))


_READERS: Mapping[str, Callable[[Query, _Term], Query]] = {
    **dict.fromkeys((*WHOLE_NUMBERS, *FRACTIONS), _read_numbers),
    "task": _read_task,
    "role": _read_role,
    "finished": _read_finished,
    "status": _read_status,
    "text": _read_text,
    "sort": _read_sort,
}


def _only(term: _Term, *operators: str) -> None:
    if term.operator not in operators:
        raise QueryError(
            f"{term.field} takes {' or '.join(operators)}, not {term.operator}: {_EXAMPLES[term.field]}", term.at
        )


def _one_of(term: _Term, value: str, known: Sequence[str]) -> str:
    if value.lower() in known:
        return value.lower()
    raise QueryError(f"unknown {term.field} {value!r}: known are {', '.join(known)}", term.value_at)
