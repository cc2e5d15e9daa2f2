"""Conversion of a task that asks for a function into one for a program: types, style, examples, and words for both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import chain
from typing import TypeAlias

from engine.problems.functions.encoding import (
    JSON_CONSTANTS,
    PYTHON_CONSTANTS,
    Constants,
    Style,
    decode_result,
    encode_arguments,
    encode_result,
    refuse_plainly,
)
from engine.problems.functions.literals import Call, operations_of, read_call, read_value
from engine.problems.functions.paragraph import form_of, paragraph_of
from engine.problems.functions.signature import Parameter, Signature, signatures
from engine.problems.functions.value_types import (
    BOOL,
    NONE,
    STR,
    TEXT,
    TREE,
    UNKNOWN,
    Refusal,
    Type,
    Word,
    fit,
    join,
    type_of,
)  # fmt: skip
from engine.problems.problem import IOExample

_Fitted: TypeAlias = tuple[tuple[object, ...], object]
"""Arguments and result of an example."""

_CAPITALS = ("FALSE", "TRUE", "NULL")


@dataclass(frozen=True, slots=True)
class Refused:
    """Example that was dropped, with the reason: a sentence about the example that begins with its subject."""

    reason: str


@dataclass(frozen=True, slots=True)
class FunctionTask:
    """Function as a program: reads its arguments from standard input and prints its result.

    name: "" where neither code nor examples name the function. examples: one for each that was given. form: sentences
    on the encoding, none if no example shows the values; paragraph: the same as a section of the statement, with a
    converted example. constants: how false, true and no value are spelled.
    """

    name: str
    parameters: tuple[Parameter, ...]
    returns: Type
    style: Style
    constants: Constants
    examples: tuple[IOExample | Refused, ...]
    form: tuple[str, ...]

    @property
    def converted(self) -> tuple[IOExample, ...]:
        return tuple(each for each in self.examples if isinstance(each, IOExample))

    @property
    def paragraph(self) -> str:
        return paragraph_of(self.form, self.converted)

    @property
    def compare(self) -> str:
        """The comparison of outputs, as `Problem.compare`: blanks of a string count, 9.261 equals 9.26100."""
        if self.returns.kind == "text":
            return ""
        if self.style == "json":
            return "json"
        if self.returns == STR:
            return "exact-lines"
        return "numbers" if any(part.kind == "float" for part in self.returns.parts()) else ""

    def encode_arguments(self, values: Sequence[object]) -> str:
        """Return arguments as standard input. Raises Refusal if they could not be read back."""
        return encode_arguments(values, [each.type for each in self.parameters], self.style, self.constants)

    def encode_result(self, value: object) -> str:
        """Return a result as output. Raises Refusal if it could not be read back."""
        return encode_result(value, self.returns, self.style, self.constants)


@dataclass(frozen=True, slots=True)
class _Example:
    """Example that could be read. raw: its output as written; is_words: that is no literal, and `output` is None.

    constants: the spellings of true, false and null in its output, or else in its input.
    """

    call: Call
    output: object
    raw: str
    is_words: bool
    constants: frozenset[str]


def convert(examples: Sequence[IOExample], code: Sequence[str] = ()) -> FunctionTask | None:
    """Convert the examples of a function; `code`: blocks of code beside them, which may declare it.

    Returns None for a task that asks for no function: its examples are standard input, or operations on a class. An
    example that cannot be converted without loss is dropped alone.
    """
    if any(operations_of(example.input) for example in examples):
        return None
    read = [_read(example) for example in examples]
    calls = [each.call for each in read if isinstance(each, _Example)]
    declared = [each for each in signatures(code) if each.parameters]
    signature = _called(declared, calls)
    if calls:
        # Numbers and words on lines are standard input as it is, unless code declares a function that takes them.
        if signature is None and all(call.is_plain for call in calls):
            return None
    elif signature is None or (examples and not any(_names_an_argument(each.input) for each in examples)):
        return None
    task = _converted(_head(signature, calls), read)
    if calls and signature is not None and not task.converted:  # the code declares another function
        alone = _converted(_head(None, calls), read)
        return alone if alone.converted else task
    return task


def refusals(examples: Sequence[IOExample]) -> list[str]:
    """Return why each of the examples is no call that can be read, "" for one that is."""
    return [each.reason if isinstance(each, Refused) else "" for each in map(_read, examples)]


def convert_calls(
    head: Signature,
    calls: Sequence[tuple[Sequence[object], object]],
    constants: Constants = PYTHON_CONSTANTS,
    style: Style | None = None,
) -> FunctionTask:
    """Convert calls whose values are known: arguments and result of each, under the signature of their function.

    Types that the signature leaves UNKNOWN are joined from the values. style: None takes `cure` where it loses nothing,
    else `json`. A call that cannot be converted without loss is dropped alone.
    """
    return _assembled(head, [_fitted_values(each, head) for each in calls], head.returns, constants, style)


def _fitted_values(call: tuple[Sequence[object], object], head: Signature) -> _Fitted | Refused:
    values, output = call
    if len(values) != len(head.parameters):
        return Refused(f"the number of its arguments is {len(values)}, not {len(head.parameters)}")
    try:
        arguments = tuple(fit(value, each.type) for value, each in zip(values, head.parameters, strict=True))
        for argument in arguments:
            type_of(argument)
    except Refusal as refusal:
        return Refused(f"its input cannot be converted: {refusal}")
    try:
        result = fit(output, head.returns)
        type_of(result)
    except Refusal as refusal:
        return Refused(f"its output cannot be converted: {refusal}")
    return arguments, result


def _names_an_argument(text: str) -> bool:
    """Tell a call whose values cannot be read, `fn = x => x + 1`, from standard input."""
    name, sign, _ = text.partition("=")
    return bool(sign) and name.strip().isidentifier()


def _read(example: IOExample) -> _Example | Refused:
    try:
        call = read_call(example.input)
    except Refusal as refusal:
        return Refused(f"its input cannot be read: {refusal}")
    raw = example.output.strip("\n").rstrip()
    if not raw.strip():
        return Refused("its output is empty")
    try:
        output, constants = read_value(raw)
        if not isinstance(output, Word):
            type_of(output)
            return _Example(call, output, raw, False, constants or call.constants)
    except Refusal as refusal:
        if any(sign in raw for sign in '[]{}()"“'):
            return Refused(f"its output cannot be read: {refusal}")
    return _Example(call, None, raw, True, call.constants)


def _called(declared: Sequence[Signature], calls: Sequence[Call]) -> Signature | None:
    """Return the function of the code that the examples call: by its name, its parameters, or their number."""
    if not calls:
        return next(iter(declared), None)
    functions = {call.function for call in calls}
    named = [set(call.names) for call in calls if call.names]
    counts = {len(call.values) for call in calls}
    by_name = (each for each in declared if each.name in functions)
    by_parameters = (
        each for each in declared if any({parameter.name for parameter in each.parameters} <= names for names in named)
    )
    by_count = (each for each in declared if len(each.parameters) in counts)
    return next(chain(by_name, by_parameters, by_count), None)


def _head(signature: Signature | None, calls: Sequence[Call]) -> Signature:
    """Return the signature of the examples: their arguments with the types that the code declares.

    An example may give more than the function takes, such as the place of a cycle in a list: the program needs it.
    """
    declared = signature.parameters if signature else ()
    names = next((call.names for call in calls if call.names), None)
    count = len(calls[0].values) if calls else len(declared)
    known = {each.name: each.type for each in declared}
    if names is None or set(names) == set(known):
        parameters = declared if len(declared) == count else (Parameter("", UNKNOWN),) * count
    elif len(declared) == len(names) and not set(known) & set(names):
        parameters = tuple(Parameter(name, each.type) for name, each in zip(names, declared, strict=True))
    else:
        parameters = tuple(Parameter(name, known.get(name, UNKNOWN)) for name in names)
    if signature is None:
        return Signature(next((call.function for call in calls if call.function), ""), parameters, UNKNOWN, False)
    return replace(signature, parameters=parameters)


def _converted(head: Signature, read: Sequence[_Example | Refused]) -> FunctionTask:
    """Convert under the signature: give every example its types, join them, take the first style that loses nothing."""
    examples = [each for each in read if isinstance(each, _Example)]
    if head.returns == UNKNOWN and any(isinstance(each.output, str) for each in examples):
        head = replace(head, returns=STR)  # one quoted result: words elsewhere are strings, too
    printed = head.returns in (UNKNOWN, BOOL, NONE) and any(each.is_words for each in examples)
    fitted = [each if isinstance(each, Refused) else _fitted(each, head, printed=printed) for each in read]
    rows = [each for each in fitted if not isinstance(each, Refused)]
    declared = TEXT if printed else UNKNOWN if head.returns == NONE and rows else head.returns
    return _assembled(head, fitted, declared, _constants(examples, head), None)


def _assembled(
    head: Signature,
    fitted: Sequence[_Fitted | Refused],
    declared: Type,
    constants: Constants,
    style: Style | None,
) -> FunctionTask:
    """Join the types of the examples and encode all of them. declared: type of the result, TEXT for printed words."""
    rows = [each for each in fitted if not isinstance(each, Refused)]
    parameters = tuple(
        Parameter(each.name, _joined(each.type, [values[place] for values, _ in rows]))
        for place, each in enumerate(head.parameters)
    )
    returns = declared if declared == TEXT else _joined(declared, [output for _, output in rows])
    task = FunctionTask(head.name, parameters, returns, style or "cure", constants, (), ())
    encoded = [_encoded(task, each) for each in fitted]
    loses = not _is_plain(task) or sum(isinstance(each, IOExample) for each in encoded) < len(rows)
    if style is None and loses:
        task = replace(task, style="json")
        encoded = [_encoded(task, each) for each in fitted]
    changed = next((each.name for each in parameters if head.returns == NONE and each.type == returns), "")
    task = replace(task, examples=tuple(encoded))
    if fitted and not task.converted and (task.style == "cure" or any(each.type == UNKNOWN for each in parameters)):
        return task  # nothing is known of the values: words would promise what nobody has seen
    form = form_of(task.name, parameters, returns, task.style, task.constants, changed)
    return replace(task, form=form)


def _fitted(example: _Example, head: Signature, *, printed: bool) -> _Fitted | Refused:
    """Return the arguments, in the order and with the types of the signature, and the result."""
    names, values = tuple(each.name for each in head.parameters), example.call.values
    if len(values) != len(names):
        return Refused(f"the number of its arguments is {len(values)}, not {len(names)}")
    if example.call.names is not None and all(names) and example.call.names != names:
        by_name = dict(zip(example.call.names, values, strict=True))
        if set(by_name) == set(names):
            values = tuple(by_name[name] for name in names)
        elif set(by_name) & set(names):
            return Refused(f"its arguments are {', '.join(by_name)}, not {', '.join(names)}")
    try:
        arguments = tuple(fit(value, each.type) for value, each in zip(values, head.parameters, strict=True))
        for argument in arguments:
            type_of(argument)
    except Refusal as refusal:
        return Refused(f"its input cannot be converted: {refusal}")
    if printed:
        return arguments, example.raw
    try:
        return arguments, _result(example, head.returns)
    except Refusal as refusal:
        return Refused(f"its output cannot be converted: {refusal}")


def _result(example: _Example, declared: Type) -> object:
    """Return the result as the declared type takes it; where it is none, as lines hold it: `1 2 3` for a list."""
    if not example.is_words:
        try:
            return fit(example.output, UNKNOWN if declared == NONE else declared)
        except Refusal:
            if isinstance(example.output, list | tuple | dict | str):
                raise
    return decode_result(f"{example.raw}\n", declared, "cure")


def _joined(declared: Type, values: Iterable[object]) -> Type:
    return declared if declared == TREE else reduce(join, map(type_of, values), declared)


def _is_plain(task: FunctionTask) -> bool:
    try:
        refuse_plainly([each.type for each in task.parameters])
        if task.returns.kind not in ("none", "text"):
            refuse_plainly([task.returns])
    except Refusal:
        return False
    return True


def _encoded(task: FunctionTask, fitted: _Fitted | Refused) -> IOExample | Refused:
    if isinstance(fitted, Refused):
        return fitted
    values, output = fitted
    try:
        stdin = task.encode_arguments(values)
    except Refusal as refusal:
        return Refused(f"its input cannot be converted: {refusal}")
    try:
        return IOExample(stdin, task.encode_result(output))
    except Refusal as refusal:
        return Refused(f"its output cannot be converted: {refusal}")


def _constants(examples: Sequence[_Example], head: Signature) -> Constants:
    """Return how the statement spells false, true and no value; without any, as the language of its code does."""
    spelled = [each.constants for each in examples if each.constants]
    for words in sorted(spelled, key=lambda words: words != spelled[0]):
        for constants in (PYTHON_CONSTANTS, _CAPITALS):
            if words & set(constants):
                return constants
    return PYTHON_CONSTANTS if head.is_python and not spelled else JSON_CONSTANTS
