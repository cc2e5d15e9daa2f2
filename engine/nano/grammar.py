"""Small stdin/stdout tasks composed from parts: five families, each a chain of three slots.

A composition picks one part for every slot of a family. A part has a phrase for the statement, the code of its right
reading, and the code of its usual misreading. `trouble` is the share of corpus documents that misread it. No label
tells the two readings apart: reinforcement learning has to find out by execution.

Invalid tests fail right programs. Every family takes an input of one fixed size (four numbers, two numbers, four
letters, four digits, a start and a count); the parse line of a right program raises on any other, and a right program
also raises where a selection keeps no element.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

Reading = tuple[bool, ...]
"""One flag per slot: True where the phrase is read right."""

CLEAR, VAGUE, TRICKY = 0.04, 0.35, 0.68
"""Values of `trouble`: the share of corpus documents that misread a part."""


@dataclass(frozen=True)
class Part:
    """Phrase with the code of its right reading and the code of its usual misreading."""

    phrase: str
    right: str
    wrong: str
    trouble: float

    def code(self, read_right: bool) -> str:
        return self.right if read_right else self.wrong


@dataclass(frozen=True)
class Family:
    """Kind of task: the form of its input, the line that parses it, and the parts for its three slots."""

    name: str
    opening: str
    joints: tuple[str, str, str]
    parse: str
    variable: str
    slots: tuple[tuple[Part, ...], tuple[Part, ...], tuple[Part, ...]]
    draw: Callable[[random.Random], str]
    is_valid: Callable[[str], bool]


@dataclass(frozen=True)
class Composition:
    """Task as a family and one part per slot; `statement` is its text."""

    family: Family
    choice: tuple[int, int, int]

    @property
    def id(self) -> str:
        return f"{self.family.name}-" + "-".join(f"{part:02d}" for part in self.choice)

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(slot[index] for slot, index in zip(self.family.slots, self.choice, strict=True))

    @property
    def statement(self) -> str:
        phrases = (joint + part.phrase for joint, part in zip(self.family.joints, self.parts, strict=True))
        return self.family.opening + "".join(phrases) + "."


class NoAnswer(ValueError):
    """The program raises on this input, for example because a selection keeps no element."""


def _numbers(count: int, low: int, high: int) -> tuple[Callable[[random.Random], str], Callable[[str], bool]]:
    def draw(rng: random.Random) -> str:
        return " ".join(str(rng.randint(low, high)) for _ in range(count))

    def is_valid(text: str) -> bool:
        words = text.split()
        return len(words) == count and all(w.isascii() and w.isdigit() and low <= int(w) <= high for w in words)

    return draw, is_valid


def _symbols(alphabet: str, count: int) -> tuple[Callable[[random.Random], str], Callable[[str], bool]]:
    def draw(rng: random.Random) -> str:
        return "".join(rng.choice(alphabet) for _ in range(count))

    def is_valid(text: str) -> bool:
        word = text.strip()
        return len(word) == count and all(symbol in alphabet for symbol in word)

    return draw, is_valid


def _draw_start_and_count(rng: random.Random) -> str:
    return f"{rng.randint(1, 9)} {rng.randint(2, 5)}"


def _is_start_and_count(text: str) -> bool:
    words = text.split()
    return (
        len(words) == 2
        and all(w.isascii() and w.isdigit() for w in words)
        and (1 <= int(words[0]) <= 9 and 2 <= int(words[1]) <= 5)
    )


def _keep(condition: str) -> str:
    return f"[x for x in xs if {condition}]"


def _each(expression: str) -> str:
    return f"[{expression} for x in xs]"


_FOUR_NUMBERS = _numbers(4, 1, 20)
_TWO_NUMBERS = _numbers(2, 1, 20)
_FOUR_LETTERS = _symbols("ABCDEFGH", 4)
_FOUR_DIGITS = _symbols("123456789", 4)

NUMBERS = Family(
    name="numbers",
    opening="Read four numbers",
    joints=(", keep ", ", ", ", print "),
    parse="a,b,c,d=map(int,input().split())\nxs=[a,b,c,d]",
    variable="xs",
    slots=(
        (
            Part("the even ones", _keep("x%2==0"), _keep("x%2==1"), CLEAR),
            Part("the odd ones", _keep("x%2==1"), _keep("x%2==0"), CLEAR),
            Part("those of at least 7", _keep("x>=7"), _keep("x>7"), VAGUE),
            Part("those under 12", _keep("x<12"), _keep("x<=12"), CLEAR),
            Part("the multiples of 3", _keep("x%3==0"), _keep("x%3==1"), CLEAR),
            Part("every other one", "xs[::2]", "xs[1::2]", TRICKY),
            Part("all but the first", "xs[1:]", "xs[:-1]", VAGUE),
            Part("those above the last", _keep("x>d"), _keep("x>=d"), TRICKY),
        ),
        (
            Part("leave them", "xs", "xs[::-1]", CLEAR),
            Part("add 3 to each", _each("x+3"), _each("x*3"), CLEAR),
            Part("double each", _each("x*2"), _each("x+2"), CLEAR),
            Part("square each", _each("x*x"), _each("x*2"), VAGUE),
            Part("halve each rounding up", _each("(x+1)//2"), _each("x//2"), TRICKY),
            Part("take each modulo 5", _each("x%5"), _each("x//5"), VAGUE),
            Part("take 20 minus each", _each("20-x"), _each("x-20"), VAGUE),
        ),
        (
            Part("the largest", "max(xs)", "min(xs)", CLEAR),
            Part("the smallest", "min(xs)", "max(xs)", CLEAR),
            Part("the first", "xs[0]", "xs[-1]", CLEAR),
            Part("the last", "xs[-1]", "xs[0]", CLEAR),
            Part("the spread", "max(xs)-min(xs)", "max(xs)", TRICKY),
            Part("first plus last", "xs[0]+xs[-1]", "xs[0]", VAGUE),
            Part("the largest but 1 less", "max(xs)-1", "max(xs)", VAGUE),
            Part("largest plus smallest", "max(xs)+min(xs)", "sum(xs)", CLEAR),
        ),
    ),
    draw=_FOUR_NUMBERS[0],
    is_valid=_FOUR_NUMBERS[1],
)

DIGITS = Family(
    name="digits",
    opening="Read a number of four digits",
    joints=(", keep ", ", ", ", print "),
    parse="a,b,c,d=map(int,input())\nxs=[a,b,c,d]",
    variable="xs",
    slots=(
        (
            Part("even digits", _keep("x%2==0"), _keep("x%2==1"), CLEAR),
            Part("odd digits", _keep("x%2==1"), _keep("x%2==0"), CLEAR),
            Part("digits above 4", _keep("x>4"), _keep("x>=4"), VAGUE),
            Part("digits up to 6", _keep("x<=6"), _keep("x<6"), TRICKY),
            Part("the front three", "xs[:3]", "xs[1:]", CLEAR),
            Part("the back three", "xs[1:]", "xs[:3]", VAGUE),
            Part("the middle two", "xs[1:3]", "xs[:2]", VAGUE),
        ),
        (
            Part("as they are", "xs", "xs[::-1]", CLEAR),
            Part("count each twice", _each("x*2"), _each("x+2"), VAGUE),
            Part("raise each by 1", _each("x+1"), _each("x-1"), CLEAR),
            Part("take 9 minus each", _each("9-x"), _each("x-9"), CLEAR),
            Part("each times itself", _each("x*x"), _each("x*2"), VAGUE),
            Part("in falling order", "sorted(xs)[::-1]", "sorted(xs)", TRICKY),
        ),
        (
            Part("their maximum", "max(xs)", "min(xs)", CLEAR),
            Part("their minimum", "min(xs)", "max(xs)", CLEAR),
            Part("the leading one", "xs[0]", "xs[-1]", VAGUE),
            Part("the final one", "xs[-1]", "xs[0]", CLEAR),
            Part("maximum minus minimum", "max(xs)-min(xs)", "min(xs)-max(xs)", CLEAR),
            Part("ten times the maximum", "max(xs)*10", "max(xs)+10", VAGUE),
        ),
    ),
    draw=_FOUR_DIGITS[0],
    is_valid=_FOUR_DIGITS[1],
)

PAIR = Family(
    name="pair",
    opening="Read a and b",
    joints=(", take ", ", ", ", print "),
    parse="a,b=map(int,input().split())",
    variable="c",
    slots=(
        (
            Part("their sum", "a+b", "a-b", CLEAR),
            Part("their distance", "abs(a-b)", "a-b", VAGUE),
            Part("the larger", "max(a,b)", "min(a,b)", CLEAR),
            Part("the smaller", "min(a,b)", "max(a,b)", CLEAR),
            Part("twice a plus b", "2*a+b", "2*(a+b)", VAGUE),
            Part("b less than twice a", "2*a-b", "b-2*a", TRICKY),
            Part("a and twice b together", "a+2*b", "2*a+b", CLEAR),
        ),
        (
            Part("add 4", "c+4", "c*4", CLEAR),
            Part("double it", "c*2", "c+2", CLEAR),
            Part("take it from 30", "30-c", "c-30", TRICKY),
            Part("keep its last digit", "abs(c)%10", "abs(c)//10", VAGUE),
            Part("halve it rounding down", "c//2", "(c+1)//2", VAGUE),
            Part("add a", "c+a", "c+b", CLEAR),
            Part("take it modulo 7", "c%7", "c//7", VAGUE),
        ),
        (
            Part("that", "c", "-c", CLEAR),
            Part("that plus 5", "c+5", "c-5", CLEAR),
            Part("3 times that", "c*3", "c+3", CLEAR),
            Part("that less b", "c-b", "b-c", VAGUE),
            Part("it or 10 if that is more", "max(c,10)", "min(c,10)", TRICKY),
            Part("b and that added", "b+c", "b-c", CLEAR),
        ),
    ),
    draw=_TWO_NUMBERS[0],
    is_valid=_TWO_NUMBERS[1],
)

LETTERS = Family(
    name="letters",
    opening="Read four letters",
    joints=(", ", ", ", ", print "),
    parse="a,b,c,d=input()\ns=a+b+c+d",
    variable="s",
    slots=(
        (
            Part("reverse", "s[::-1]", "s", CLEAR),
            Part("turn left", "s[1:]+s[0]", "s[-1]+s[:-1]", VAGUE),
            Part("turn right", "s[-1]+s[:-1]", "s[1:]+s[0]", CLEAR),
            Part("swap the ends", "s[-1]+s[1:-1]+s[0]", "s[::-1]", TRICKY),
            Part("sort", "''.join(sorted(s))", "s[::-1]", CLEAR),
            Part("swap the halves", "s[2:]+s[:2]", "s[1:]+s[0]", VAGUE),
            Part("drop the first", "s[1:]", "s[:-1]", CLEAR),
        ),
        (
            Part("repeat the last", "s+s[-1]", "s[0]+s", CLEAR),
            Part("repeat the head", "s[0]+s", "s+s[-1]", VAGUE),
            Part("put X in front", "'X'+s", "s+'X'", CLEAR),
            Part("add X behind", "s+'X'", "'X'+s", CLEAR),
            Part("put the last in front", "s[-1]+s[:-1]", "s[-1]+s", TRICKY),
            Part("cut the last", "s[:-1]", "s[1:]", CLEAR),
            Part("mirror it", "s+s[::-1]", "s[::-1]", VAGUE),
        ),
        (
            Part("it", "s", "s[::-1]", CLEAR),
            Part("it twice", "s+s", "s+s[::-1]", CLEAR),
            Part("it less its third", "s[:2]+s[3:]", "s[:3]", VAGUE),
            Part("every second letter", "s[1::2]", "s[::2]", TRICKY),
            Part("both ends around Y", "s[0]+'Y'+s[-1]", "s[0]+s[-1]+'Y'", CLEAR),
            Part("it from the second on", "s[1:]", "s[2:]", VAGUE),
        ),
    ),
    draw=_FOUR_LETTERS[0],
    is_valid=_FOUR_LETTERS[1],
)

LOOP = Family(
    name="loop",
    opening="Read a and b, start from a",
    joints=(", ", " ", ", print "),
    parse="a,b=map(int,input().split())\nc=a",
    variable="c",
    slots=(
        (
            Part("add 3", "c+3", "c*3", CLEAR),
            Part("double", "c*2", "c+2", CLEAR),
            Part("add b", "c+b", "c+a", CLEAR),
            Part("take away 2", "c-2", "c*-2", VAGUE),
            Part("double and drop 1", "c*2-1", "c*2", VAGUE),
            Part("add a", "c+a", "c+b", VAGUE),
            Part("take from 10", "10-c", "c-10", TRICKY),
        ),
        (
            Part("b times", "b", "b-1", CLEAR),
            Part("once more than b times", "b+1", "b", VAGUE),
            Part("for b terms", "b-1", "b", TRICKY),
            Part("twice", "2", "b", CLEAR),
        ),
        (
            Part("the end", "c", "a", CLEAR),
            Part("the end plus a", "c+a", "c+b", CLEAR),
            Part("the growth", "c-a", "c", TRICKY),
            Part("the end plus 10", "c+10", "c*10", CLEAR),
            Part("the end less b", "c-b", "b-c", VAGUE),
            Part("2 times the end", "c*2", "c+2", CLEAR),
        ),
    ),
    draw=_draw_start_and_count,
    is_valid=_is_start_and_count,
)

FAMILIES = (NUMBERS, DIGITS, PAIR, LETTERS, LOOP)
FAMILY_BY_NAME = {family.name: family for family in FAMILIES}
RIGHT: Reading = (True, True, True)


def compositions(family: Family) -> list[Composition]:
    """List every composition of a family, in a fixed order."""
    first, second, third = (range(len(slot)) for slot in family.slots)
    return [Composition(family, (i, j, k)) for i in first for j in second for k in third]


def program(composition: Composition, reading: Reading = RIGHT) -> str:
    """Return the source that solves a composition when its phrases are read as `reading` says."""
    return "\n".join([composition.family.parse, *stage_lines(composition, reading)]) + "\n"


def stage_lines(composition: Composition, reading: Reading) -> list[str]:
    """Return the program's lines after the parse: one per slot (the loop family puts two slots into one line)."""
    variable = composition.family.variable
    first, second, third = (part.code(ok) for part, ok in zip(composition.parts, reading, strict=True))
    if composition.family is LOOP:
        return [f"for i in range({second}):{variable}={first}", f"print({third})"]
    return [f"{variable}={first}", f"{variable}={second}", f"print({third})"]


def work_out(composition: Composition, text: str, reading: Reading = RIGHT) -> tuple[str, ...]:
    """Return the intermediate values after each stage, the answer last.

    Raises `NoAnswer` where a program with this reading would raise.
    """
    names = _parse(composition.family, text)
    codes = [part.code(ok) for part, ok in zip(composition.parts, reading, strict=True)]
    variable = composition.family.variable
    steps: list[str] = []
    try:
        if composition.family is LOOP:
            for _ in range(_evaluate(codes[1], names)):
                names["c"] = _evaluate(codes[0], names)
                steps.append(_shown(names["c"]))
        else:
            for code in codes[:2]:
                names[variable] = _evaluate(code, names)
                steps.append(_shown(names[variable]))
        steps.append(_shown(_evaluate(codes[2], names)))
    except (IndexError, ValueError) as error:
        raise NoAnswer(f"{composition.id} has no answer for {text!r}") from error
    return tuple(steps)


def answer(composition: Composition, text: str, reading: Reading = RIGHT) -> str:
    """Return the output of a program with this reading for `text`. Raises `NoAnswer` where the program raises."""
    return work_out(composition, text, reading)[-1]


def draw_input(composition: Composition, rng: random.Random, reading: Reading = RIGHT) -> str:
    """Draw a random valid input on which a program with this reading does not raise."""
    while True:
        text = composition.family.draw(rng)
        try:
            answer(composition, text, reading)
        except NoAnswer:
            continue
        return text


def is_valid_input(problem_id: str, text: str) -> bool:
    """Tell whether a test input has its family's format and a right program does not raise on it."""
    name, *choice = problem_id.split("-")
    family = FAMILY_BY_NAME[name]
    if not family.is_valid(text):
        return False
    first, second, third = map(int, choice)
    try:
        answer(Composition(family, (first, second, third)), text.strip())
    except NoAnswer:
        return False
    return True


def _parse(family: Family, text: str) -> dict[str, Any]:
    """Return the names that the family's parse line binds."""
    if family is PAIR or family is LOOP:
        a, b = map(int, text.split())
        return {"a": a, "b": b, "c": a}
    values: Sequence[Any]
    if family is NUMBERS:
        values = [int(word) for word in text.split()]
    else:
        values = [int(digit) for digit in text] if family is DIGITS else list(text)
    a, b, c, d = values
    if family is LETTERS:
        return {"s": a + b + c + d}
    return {"xs": [a, b, c, d], "d": d}


@cache
def _compiled(code: str) -> Any:
    return compile(code, "<part>", "eval")


_ALLOWED = {f.__name__: f for f in (max, min, sum, abs, sorted, range)}


def _evaluate(code: str, names: dict[str, Any]) -> Any:
    return eval(_compiled(code), {"__builtins__": _ALLOWED, **names})


def _shown(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
