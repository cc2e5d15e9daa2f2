"""Table of the easy tasks: what is read, what is printed, and the expression that computes it.

A rule is a phrase and an expression with placeholders; each of its values makes one task. A task reads one line, so
that a small model has to learn no more of input than five lines of code.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_WORDS = """
level radar civic kayak noon anna stats refer apple banana cherry lemon melon olive onion garlic pepper tomato
potato carrot salad bread butter cheese sugar honey coffee water juice table chair window door floor wall roof house
garden flower tree forest river lake ocean island mountain valley desert stone metal silver gold paper pencil letter
book story poem music song dance piano guitar drum violin summer winter spring autumn morning evening night sunrise
monday friday yellow orange purple green black white brown small large quick quiet happy brave clever gentle honest
lucky proud tiger lion zebra monkey rabbit turtle horse sheep goat chicken eagle parrot salmon whale spider beetle
bottle basket ladder hammer needle button pocket jacket sweater mirror candle lamp train plane bicycle engine wheel
bridge road street city village school teacher doctor farmer baker sailor pilot
"""
WORDS = tuple(_WORDS.split())


@dataclass(frozen=True)
class Form:
    """Form of an input line: its sentence in the statement, the line that parses it, and how one is drawn."""

    name: str
    opening: str
    parse: str
    draw: Callable[[random.Random], str]


@dataclass(frozen=True)
class Rule:
    """Phrase and expression with the placeholders {0}, {1}; `values` fills them, one tuple for each task."""

    family: str
    form: Form
    phrase: str
    expression: str
    values: tuple[tuple[Any, ...], ...]


def _numbers(rng: random.Random, count: int, largest: int) -> str:
    return " ".join(str(rng.randint(1, largest)) for _ in range(count))


def _pair(a: int, b: int, equal: bool) -> str:
    return f"{b if equal else a} {b}"


NUMBER = Form("number", "Read a whole number n.", "n = int(input())", lambda rng: _numbers(rng, 1, 60))
PAIR = Form(
    "pair",
    "Read two whole numbers a and b from one line.",
    "a, b = map(int, input().split())",
    lambda rng: _pair(rng.randint(1, 30), rng.randint(1, 12), equal=rng.random() < 0.2),
)
NUMBERS = Form(
    "numbers",
    "Read a line of whole numbers.",
    "xs = list(map(int, input().split()))",
    lambda rng: _numbers(rng, rng.randint(4, 7), 20),
)
WORD = Form("word", "Read a word.", "s = input()", lambda rng: rng.choice(WORDS))
LINE = Form(
    "line",
    "Read a line of words.",
    "words = input().split()",
    lambda rng: " ".join(rng.choice(WORDS) for _ in range(rng.randint(3, 6))),
)
FORMS = (NUMBER, PAIR, NUMBERS, WORD, LINE)


def _rule(family: str, form: Form, phrase: str, expression: str, *values: Any) -> Rule:
    filled = tuple(value if isinstance(value, tuple) else (value,) for value in values)
    return Rule(family, form, phrase, expression, filled or ((),))


def _choice(form: Form, condition: str, test: str, *values: Any) -> Rule:
    return _rule("conditions", form, f"yes if {condition}, otherwise no", f'"yes" if {test} else "no"', *values)


# One line a rule, as in the table that this is.
# fmt: off
_ARITHMETIC = (
    _rule("arithmetic", NUMBER, "n plus {0}", "n + {0}", 3, 7, 12, 25, 40),
    _rule("arithmetic", NUMBER, "n minus {0}", "n - {0}", 1, 4, 9, 15),
    _rule("arithmetic", NUMBER, "{0} minus n", "{0} - n", 10, 50, 100),
    _rule("arithmetic", NUMBER, "n times {0}", "n * {0}", 2, 3, 5, 8, 11),
    _rule("arithmetic", NUMBER, "n divided by {0}, rounded down", "n // {0}", 2, 3, 4, 10),
    _rule("arithmetic", NUMBER, "the remainder of n divided by {0}", "n % {0}", 3, 5, 7, 10),
    _rule("arithmetic", NUMBER, "n times {0}, plus {1}", "n * {0} + {1}", (2, 1), (3, 5), (5, 2), (10, 4)),
    _rule("arithmetic", NUMBER, "n times {0}, minus {1}", "n * {0} - {1}", (2, 3), (4, 1), (6, 6)),
    _rule("arithmetic", NUMBER, "the square of n", "n * n"),
    _rule("arithmetic", NUMBER, "the square of n, plus {0}", "n * n + {0}", 1, 6, 10),
    _rule("arithmetic", NUMBER, "the square of n, minus {0}", "n * n - {0}", 1, 5),
    _rule("arithmetic", NUMBER, "the cube of n", "n ** 3"),
    _rule("arithmetic", NUMBER, "the sum of the whole numbers from 1 to n", "sum(range(1, n + 1))"),
    _rule("arithmetic", NUMBER, "n and the number after it, with a space between them", 'str(n) + " " + str(n + 1)'),
    _rule("arithmetic", NUMBER, "the sum of the digits of n", "sum(int(d) for d in str(n))"),
    _rule("arithmetic", PAIR, "the sum of a and b", "a + b"),
    _rule("arithmetic", PAIR, "a minus b", "a - b"),
    _rule("arithmetic", PAIR, "b minus a", "b - a"),
    _rule("arithmetic", PAIR, "the product of a and b", "a * b"),
    _rule("arithmetic", PAIR, "the sum of a and b, plus {0}", "a + b + {0}", 1, 5, 10),
    _rule("arithmetic", PAIR, "the sum of a and b, minus {0}", "a + b - {0}", 2, 6),
    _rule("arithmetic", PAIR, "the sum of a and b, times {0}", "(a + b) * {0}", 2, 3, 10),
    _rule("arithmetic", PAIR, "the product of a and b, plus {0}", "a * b + {0}", 1, 4, 9),
    _rule("arithmetic", PAIR, "the product of a and b, minus {0}", "a * b - {0}", 2, 7),
    _rule("arithmetic", PAIR, "{0} times a, plus b", "{0} * a + b", 2, 3, 10),
    _rule("arithmetic", PAIR, "a plus {0} times b", "a + {0} * b", 2, 4, 5),
    _rule("arithmetic", PAIR, "a divided by b, rounded down", "a // b"),
    _rule("arithmetic", PAIR, "the remainder of a divided by b", "a % b"),
    _rule("arithmetic", PAIR, "the larger of a and b", "max(a, b)"),
    _rule("arithmetic", PAIR, "the smaller of a and b", "min(a, b)"),
    _rule("arithmetic", PAIR, "how far a and b are apart", "abs(a - b)"),
    _rule("arithmetic", PAIR, "the square of a, plus b", "a * a + b"),
    _rule("arithmetic", PAIR, "the sum of the squares of a and b", "a * a + b * b"),
    _rule("arithmetic", PAIR, "b and then a, with a space between them", 'str(b) + " " + str(a)'),
)

_CONDITIONS = (
    _choice(NUMBER, "n is greater than {0}", "n > {0}", 5, 10, 20, 35),
    _choice(NUMBER, "n is less than {0}", "n < {0}", 8, 15, 30, 42),
    _choice(NUMBER, "n is at least {0}", "n >= {0}", 12, 18, 27),
    _choice(NUMBER, "n is at most {0}", "n <= {0}", 6, 25, 33),
    _choice(NUMBER, "n is {0}", "n == {0}", 7, 13, 21),
    _choice(NUMBER, "n is even", "n % 2 == 0"),
    _choice(NUMBER, "n is odd", "n % 2 == 1"),
    _choice(NUMBER, "n can be divided by {0} without a remainder", "n % {0} == 0", 3, 4, 5, 7, 9),
    _choice(NUMBER, "n is between {0} and {1}, both included", "{0} <= n <= {1}", (5, 15), (10, 40), (20, 30)),
    _choice(NUMBER, "n ends with the digit {0}", "n % 10 == {0}", 0, 3, 8),
    _rule("conditions", NUMBER, "n if n is greater than {0}, otherwise {0}", "max(n, {0})", 10, 25, 30),
    _rule("conditions", NUMBER, "n if n is less than {0}, otherwise {0}", "min(n, {0})", 12, 20, 45),
    _rule("conditions", NUMBER, "small if n is less than {0}, otherwise large", '"small" if n < {0} else "large"',
          10, 24),
    _rule("conditions", NUMBER, "even if n is even, otherwise odd", '"even" if n % 2 == 0 else "odd"'),
    _rule("conditions", NUMBER, "n plus {0} if n is even, otherwise n", "n + {0} if n % 2 == 0 else n", 1, 5),
    _choice(PAIR, "a is greater than b", "a > b"),
    _choice(PAIR, "a is less than b", "a < b"),
    _choice(PAIR, "a and b are equal", "a == b"),
    _choice(PAIR, "the sum of a and b is greater than {0}", "a + b > {0}", 10, 20, 30),
    _choice(PAIR, "the sum of a and b is even", "(a + b) % 2 == 0"),
    _choice(PAIR, "the product of a and b is greater than {0}", "a * b > {0}", 50, 100),
    _choice(PAIR, "a can be divided by b without a remainder", "a % b == 0"),
    _choice(PAIR, "a and b are both greater than {0}", "a > {0} and b > {0}", 3, 5, 8),
    _choice(PAIR, "a or b is greater than {0}", "a > {0} or b > {0}", 9, 15),
    _rule("conditions", PAIR, "a if a is even, otherwise b", "a if a % 2 == 0 else b"),
    _rule("conditions", PAIR, "first if a is greater than b, otherwise second", '"first" if a > b else "second"'),
    _choice(WORD, "the word starts with the letter {0}", 's[0] == "{0}"', "b", "c", "s", "m", "p"),
    _choice(WORD, "the word ends with the letter {0}", 's[-1] == "{0}"', "e", "n", "r", "t"),
    _choice(WORD, "the word contains the letter {0}", '"{0}" in s', "a", "i", "o", "t", "l"),
    _choice(WORD, "the word has more than {0} letters", "len(s) > {0}", 4, 5, 6),
    _choice(WORD, "the word has fewer than {0} letters", "len(s) < {0}", 5, 6),
    _choice(WORD, "the word has exactly {0} letters", "len(s) == {0}", 4, 5, 6),
    _choice(WORD, "the word is the same when it is read backwards", "s == s[::-1]"),
    _choice(WORD, "the first and the last letter of the word are the same", "s[0] == s[-1]"),
    _choice(NUMBERS, "the sum of the numbers is greater than {0}", "sum(xs) > {0}", 40, 55, 70),
    _choice(NUMBERS, "the number {0} is among them", "{0} in xs", 3, 10, 17),
    _choice(NUMBERS, "the first number is greater than the last one", "xs[0] > xs[-1]"),
    _choice(NUMBERS, "the largest number is greater than {0}", "max(xs) > {0}", 15, 18),
    _choice(NUMBERS, "the smallest number is less than {0}", "min(xs) < {0}", 3, 5),
    _choice(NUMBERS, "there are more than {0} numbers", "len(xs) > {0}", 4, 5),
    _choice(LINE, "there are more than {0} words", "len(words) > {0}", 3, 4),
    _choice(LINE, 'the word "{0}" is among them', '"{0}" in words', "apple", "river", "tiger"),
)

_STRINGS = (
    _rule("strings", WORD, "the word in capital letters", "s.upper()"),
    _rule("strings", WORD, "the word with a capital first letter", "s.capitalize()"),
    _rule("strings", WORD, "the word backwards", "s[::-1]"),
    _rule("strings", WORD, "the word backwards and in capital letters", "s[::-1].upper()"),
    _rule("strings", WORD, "the first letter of the word", "s[0]"),
    _rule("strings", WORD, "the last letter of the word", "s[-1]"),
    _rule("strings", WORD, "the second letter of the word", "s[1]"),
    _rule("strings", WORD, "the third letter of the word", "s[2]"),
    _rule("strings", WORD, "the first {0} letters of the word", "s[:{0}]", 2, 3),
    _rule("strings", WORD, "the last {0} letters of the word", "s[-{0}:]", 2, 3),
    _rule("strings", WORD, "the word without its first letter", "s[1:]"),
    _rule("strings", WORD, "the word without its last letter", "s[:-1]"),
    _rule("strings", WORD, "the word without its first {0} letters", "s[{0}:]", 2, 3),
    _rule("strings", WORD, "the word without its last {0} letters", "s[:-{0}]", 2, 3),
    _rule("strings", WORD, "the word without its first and its last letter", "s[1:-1]"),
    _rule("strings", WORD, "the word {0} times in a row, without spaces", "s * {0}", 2, 3, 4),
    _rule("strings", WORD, 'the word with "{0}" behind it', 's + "{0}"', "!", "ing", "er", "s", "?"),
    _rule("strings", WORD, 'the word with "{0}" in front of it', '"{0}" + s', "re", "un", "#", "my"),
    _rule("strings", WORD, 'the word between "{0}" and "{1}"', '"{0}" + s + "{1}"', ("(", ")"), ("<", ">"), ("[", "]")),
    _rule("strings", WORD, "the word with every {0} replaced by {1}", 's.replace("{0}", "{1}")',
          ("a", "o"), ("e", "i"), ("o", "u"), ("r", "l"), ("t", "d")),
    _rule("strings", WORD, "the word without the letter {0}", 's.replace("{0}", "")', "a", "e", "n", "o"),
    _rule("strings", WORD, "the letters of the word with a {0} between them", '"{1}".join(s)',
          ("dash", "-"), ("dot", ".")),
    _rule("strings", WORD, "the letters of the word with a space between them", '" ".join(s)'),
    _rule("strings", WORD, "the letters of the word in alphabetical order, without spaces", '"".join(sorted(s))'),
    _rule("strings", WORD, "every other letter of the word, beginning with the first", "s[::2]"),
    _rule("strings", WORD, "the first letter and then the last letter of the word, without a space", "s[0] + s[-1]"),
    _rule("strings", WORD, "the word and then its length, with a space between them", 's + " " + str(len(s))'),
    _rule("strings", LINE, "the first word", "words[0]"),
    _rule("strings", LINE, "the last word", "words[-1]"),
    _rule("strings", LINE, "the second word", "words[1]"),
    _rule("strings", LINE, "the third word", "words[2]"),
    _rule("strings", LINE, "the words in reverse order", '" ".join(words[::-1])'),
    _rule("strings", LINE, "the words in alphabetical order", '" ".join(sorted(words))'),
    _rule("strings", LINE, "the words in capital letters", '" ".join(words).upper()'),
    _rule("strings", LINE, "the words without the first one", '" ".join(words[1:])'),
    _rule("strings", LINE, "the words without the last one", '" ".join(words[:-1])'),
    _rule("strings", LINE, "the words with a {0} between them instead of a space", '"{1}".join(words)',
          ("dash", "-"), ("comma", ","), ("plus sign", "+")),
    _rule("strings", LINE, "the words without any space between them", '"".join(words)'),
    _rule("strings", LINE, "the first letter of every word, without spaces", '"".join(w[0] for w in words)'),
    _rule("strings", LINE, "the last letter of every word, without spaces", '"".join(w[-1] for w in words)'),
    _rule("strings", LINE, "the first word and then the last word, with a space between them",
          'words[0] + " " + words[-1]'),
)

_COUNTING = (
    _rule("counting", WORD, "the number of letters in the word", "len(s)"),
    _rule("counting", WORD, "the number of letters in the word, {0} {1}", "len(s) {2} {1}",
          ("plus", 1, "+"), ("plus", 10, "+"), ("minus", 1, "-"), ("times", 2, "*"), ("times", 5, "*")),
    _rule("counting", WORD, "how often the letter {0} occurs in the word", 's.count("{0}")',
          "a", "e", "l", "o", "r", "t"),
    _rule("counting", WORD, "how many letters of the word are vowels (a, e, i, o, u)", 'sum(c in "aeiou" for c in s)'),
    _rule("counting", WORD, "how many letters of the word are not vowels", 'sum(c not in "aeiou" for c in s)'),
    _rule("counting", WORD, "how many different letters the word has", "len(set(s))"),
    _rule("counting", LINE, "the number of words", "len(words)"),
    _rule("counting", LINE, "the number of words, {0} {1}", "len(words) {2} {1}",
          ("plus", 1, "+"), ("times", 2, "*"), ("times", 10, "*")),
    _rule("counting", LINE, "the number of letters in the {0} word", "len(words[{1}])",
          ("first", 0), ("second", 1), ("last", -1)),
    _rule("counting", LINE, "the number of letters in all words together", 'len("".join(words))'),
    _rule("counting", LINE, "how often the letter {0} occurs in all words together", '"".join(words).count("{0}")',
          "a", "e", "r", "n"),
    _rule("counting", LINE, "how many words have more than {0} letters", "sum(len(w) > {0} for w in words)", 4, 5, 6),
    _rule("counting", LINE, "how many words start with the letter {0}", 'sum(w[0] == "{0}" for w in words)',
          "b", "p", "s"),
    _rule("counting", LINE, "the length of the longest word", "max(len(w) for w in words)"),
    _rule("counting", LINE, "the length of the shortest word", "min(len(w) for w in words)"),
    _rule("counting", NUMBER, "the number of digits of n", "len(str(n))"),
    _rule("counting", NUMBER, "how many whole numbers from 1 to n can be divided by {0}", "n // {0}", 6, 7),
    _rule("counting", NUMBER, "the whole numbers from 1 to n, with spaces between them",
          '" ".join(str(i) for i in range(1, n + 1))'),
    _rule("counting", NUMBER, "the whole numbers from n down to 1, with spaces between them",
          '" ".join(str(i) for i in range(n, 0, -1))'),
    _rule("counting", NUMBER, "the {0} {1} times in a row, without spaces", '"{2}" * n',
          ("letter", "x n", "x"), ("letter", "o n", "o"), ("sign", "* n", "*")),
    _rule("counting", NUMBERS, "how many numbers there are", "len(xs)"),
    _rule("counting", NUMBERS, "how many of the numbers are even", "sum(x % 2 == 0 for x in xs)"),
    _rule("counting", NUMBERS, "how many of the numbers are odd", "sum(x % 2 == 1 for x in xs)"),
    _rule("counting", NUMBERS, "how many of the numbers are greater than {0}", "sum(x > {0} for x in xs)", 5, 10, 14),
    _rule("counting", NUMBERS, "how many of the numbers are less than {0}", "sum(x < {0} for x in xs)", 6, 9, 16),
    _rule("counting", NUMBERS, "how many of the numbers are equal to the first one", "xs.count(xs[0])"),
    _rule("counting", NUMBERS, "how many different numbers there are", "len(set(xs))"),
)

_LISTS = (
    _rule("lists", NUMBERS, "the sum of the numbers", "sum(xs)"),
    _rule("lists", NUMBERS, "the sum of the numbers, {0} {1}", "sum(xs) {2} {1}",
          ("plus", 1, "+"), ("plus", 10, "+"), ("minus", 3, "-"), ("times", 2, "*"), ("times", 10, "*")),
    _rule("lists", NUMBERS, "the largest number", "max(xs)"),
    _rule("lists", NUMBERS, "the largest number, {0} {1}", "max(xs) {2} {1}",
          ("plus", 1, "+"), ("plus", 5, "+"), ("minus", 1, "-"), ("times", 2, "*"), ("times", 3, "*")),
    _rule("lists", NUMBERS, "the smallest number", "min(xs)"),
    _rule("lists", NUMBERS, "the smallest number, {0} {1}", "min(xs) {2} {1}",
          ("plus", 1, "+"), ("plus", 7, "+"), ("minus", 1, "-"), ("times", 2, "*"), ("times", 4, "*")),
    _rule("lists", NUMBERS, "the {0} number", "xs[{1}]", ("first", 0), ("second", 1), ("third", 2), ("last", -1)),
    _rule("lists", NUMBERS, "the {0} number, times {2}", "xs[{1}] * {2}", ("first", 0, 2), ("last", -1, 3)),
    _rule("lists", NUMBERS, "the first number plus the last one", "xs[0] + xs[-1]"),
    _rule("lists", NUMBERS, "the first number times the last one", "xs[0] * xs[-1]"),
    _rule("lists", NUMBERS, "the first number minus the last one", "xs[0] - xs[-1]"),
    _rule("lists", NUMBERS, "the sum of the first two numbers", "xs[0] + xs[1]"),
    _rule("lists", NUMBERS, "the sum of the first three numbers", "sum(xs[:3])"),
    _rule("lists", NUMBERS, "the sum of the last two numbers", "xs[-1] + xs[-2]"),
    _rule("lists", NUMBERS, "the largest number minus the smallest one", "max(xs) - min(xs)"),
    _rule("lists", NUMBERS, "the largest number plus the smallest one", "max(xs) + min(xs)"),
    _rule("lists", NUMBERS, "the sum of the even numbers", "sum(x for x in xs if x % 2 == 0)"),
    _rule("lists", NUMBERS, "the sum of the odd numbers", "sum(x for x in xs if x % 2 == 1)"),
    _rule("lists", NUMBERS, "the sum of the numbers greater than {0}", "sum(x for x in xs if x > {0})", 5, 10),
    _rule("lists", NUMBERS, "the sum of the numbers without the first one", "sum(xs[1:])"),
    _rule("lists", NUMBERS, "the sum of the numbers without the largest one", "sum(xs) - max(xs)"),
    _rule("lists", NUMBERS, "the sum of the squares of the numbers", "sum(x * x for x in xs)"),
    _rule("lists", NUMBERS, "the average of the numbers, rounded down", "sum(xs) // len(xs)"),
    _rule("lists", NUMBERS, "the second largest number", "sorted(xs)[-2]"),
    _rule("lists", NUMBERS, "the numbers from the smallest to the largest", '" ".join(map(str, sorted(xs)))'),
    _rule("lists", NUMBERS, "the numbers from the largest to the smallest", '" ".join(map(str, sorted(xs)[::-1]))'),
    _rule("lists", NUMBERS, "the numbers in reverse order", '" ".join(map(str, xs[::-1]))'),
    _rule("lists", NUMBERS, "the numbers without the first one", '" ".join(map(str, xs[1:]))'),
    _rule("lists", NUMBERS, "the numbers without the last one", '" ".join(map(str, xs[:-1]))'),
    _rule("lists", NUMBERS, "every number plus {0}", '" ".join(str(x + {0}) for x in xs)', 1, 5),
    _rule("lists", NUMBERS, "every number times {0}", '" ".join(str(x * {0}) for x in xs)', 2, 3, 10),
    _rule("lists", NUMBERS, "every other number, beginning with the first", '" ".join(map(str, xs[::2]))'),
    _rule("lists", NUMBERS, "the numbers with a comma between them", '",".join(map(str, xs))'),
)
# fmt: on

RULES = _ARITHMETIC + _CONDITIONS + _STRINGS + _COUNTING + _LISTS
