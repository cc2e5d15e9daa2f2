"""Query for rollouts as data, the text that parses to it, and its meaning in words."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from engine.runs.archive_filter import Order, RolloutFilter
from engine.runs.records import STATUSES

ROLES = ("coder", "tester")
REJECTIONS = (
    "unfinished_thought",
    "no_block",
    "unclosed_block",
    "empty_program",
    "no_input",
    "no_output",
    "empty_output",
    "too_large",
    "ambiguous",
    "cut_off",
    "cut_off_thinking",
    "stopped",
    "only_thought",
    "empty",
    "refused",
    "filtered",
    "null",
)
"""Reasons why an answer holds no program or test: the values of engine.prompts.RejectReason, as archives keep them."""
STATUS_NAMES = ("ok", *REJECTIONS, *STATUSES[1:])
ALIASES = {"timeout": "time_limit"}
REJECTED = "rejected"
WHOLE_NUMBERS = ("step", "index", "tokens")
FRACTIONS = ("reward", "advantage")
FIELDS = ("step", "task", "role", "index", "reward", "advantage", "tokens", "finished", "status", "text", "sort")
LARGEST = 10**15  # SQLite and a float both hold such integers exactly


@dataclass(frozen=True, slots=True)
class Bounds:
    """Interval of numbers; None: no bound; open: without the bound itself."""

    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False

    def __and__(self, other: Bounds) -> Bounds:
        """Intersect two intervals."""
        lows = [(each.low, each.low_open) for each in (self, other) if each.low is not None]
        highs = [(each.high, not each.high_open) for each in (self, other) if each.high is not None]
        low, low_open = max(lows) if lows else (None, False)
        high, high_closed = min(highs) if highs else (None, True)
        return Bounds(low, high, low_open, not high_closed)

    def closed(self, *, whole: bool) -> tuple[float | None, float | None]:
        """Return the lowest and the highest number inside, among whole numbers or floats."""
        low, high = self.low, self.high
        if low is not None and self.low_open:
            low = low + 1 if whole else math.nextafter(low, math.inf)
        if high is not None and self.high_open:
            high = high - 1 if whole else math.nextafter(high, -math.inf)
        return low, high


ANY = Bounds()


@dataclass(frozen=True, slots=True)
class Query:
    """Conditions on rollouts, and their order. task_whole: `task` is the whole id, not its beginning."""

    step: Bounds = ANY
    task: str = ""
    task_whole: bool = False
    role: str = ""
    index: Bounds = ANY
    reward: Bounds = ANY
    advantage: Bounds = ANY
    tokens: Bounds = ANY
    finished: bool | None = None
    status: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    order: Order = Order.NEWEST

    def filter(self) -> RolloutFilter:
        """Return the archive's filter for this query."""
        happened = tuple(
            dict.fromkeys(n for name in self.status for n in (REJECTIONS if name == REJECTED else (name,)))
        )
        ranges = {
            name: getattr(self, name).closed(whole=name in WHOLE_NUMBERS) for name in (*WHOLE_NUMBERS, *FRACTIONS)
        }
        return RolloutFilter(
            first_step=ranges["step"][0],
            last_step=ranges["step"][1],
            task=self.task if self.task_whole else None,
            task_prefix=None if self.task_whole else self.task or None,
            role=self.role or None,
            min_index=ranges["index"][0],
            max_index=ranges["index"][1],
            happened=happened,
            finished=self.finished,
            min_reward=ranges["reward"][0],
            max_reward=ranges["reward"][1],
            min_advantage=ranges["advantage"][0],
            max_advantage=ranges["advantage"][1],
            min_tokens=ranges["tokens"][0],
            max_tokens=ranges["tokens"][1],
            more_texts=self.texts,
        )

    def __str__(self) -> str:
        terms = []
        for field in FIELDS:
            value = getattr(self, {"text": "texts", "sort": "order"}.get(field, field))
            if isinstance(value, Bounds):
                terms += _bounds_terms(field, value)
            elif field == "task" and value:
                terms.append(f"task{'=' if self.task_whole else ':'}{_word(value)}")
            elif field == "status" and value:
                terms.append(f"status:{','.join(value)}")
            elif field == "finished" and value is not None:
                terms.append(f"finished:{'yes' if value else 'no'}")
            elif field == "role" and value:
                terms.append(f"role:{value}")
            elif field == "sort" and value != Order.NEWEST:
                terms.append(f"sort:{value}")
            elif field == "text":
                terms += map(_text_term, value)
        return " ".join(terms)

    def explain(self) -> str:
        """Describe the query in words."""
        what = {"": "rollouts", "coder": "programs", "tester": "tests"}[self.role]
        parts = [f"{name} {_in_words(bounds)}" for name in ("step", "index", "reward", "advantage", "tokens")
                 if (bounds := getattr(self, name)) != ANY]  # fmt: skip
        if self.task:
            parts.insert(0, f"task {self.task}" if self.task_whole else f"task ids beginning with {self.task}")
        if self.finished is not None:
            parts.append("finished" if self.finished else "truncated at the token limit")
        if self.status:
            parts.append("status of answer or execution " + " or ".join(self.status))
        parts += [f'answer contains "{_escaped(text)}"' for text in self.texts]
        return f"{'; '.join([f'all {what}' if not parts else what, *parts])}; {_ORDER_IN_WORDS[self.order]}"


EVERYTHING = Query()

_ORDER_IN_WORDS = {
    Order.NEWEST: "newest steps first",
    Order.OLDEST: "oldest steps first",
    Order.LEAST_REWARD: "lowest reward first",
    Order.MOST_REWARD: "highest reward first",
    Order.LEAST_ADVANTAGE: "lowest advantage first",
    Order.MOST_ADVANTAGE: "highest advantage first",
    Order.SHORTEST: "shortest first",
    Order.LONGEST: "longest first",
}


# Text ---------------------------------------------------------------------------------------------------------

TERM = re.compile(r"([A-Za-z_]+)(<=|>=|[:=<>])")
"""Beginning of a term that is not a bare word: field and operator."""


def figure(number: float) -> str:
    """Return the shortest text that parses to this number."""
    return repr(number).removesuffix(".0")


def _bounds_terms(field: str, bounds: Bounds) -> list[str]:
    low, high = bounds.low, bounds.high
    if low is not None and high is not None and not (bounds.low_open or bounds.high_open) and low <= high:
        if low == high:
            return [f"{field}{':' if field in WHOLE_NUMBERS else '='}{figure(low)}"]
        return [f"{field}:{figure(low)}..{figure(high)}"]
    terms = [] if low is None else [f"{field}{'>' if bounds.low_open else '>='}{figure(low)}"]
    return terms if high is None else [*terms, f"{field}{'<' if bounds.high_open else '<='}{figure(high)}"]


def _in_words(bounds: Bounds) -> str:
    low, high = bounds.low, bounds.high
    if low is not None and low == high and not (bounds.low_open or bounds.high_open):
        return figure(low)
    if low is not None and high is not None and not (bounds.low_open or bounds.high_open):
        return f"{figure(low)} to {figure(high)}"
    least = [] if low is None else [f"{'over' if bounds.low_open else 'at least'} {figure(low)}"]
    most = [] if high is None else [f"{'under' if bounds.high_open else 'at most'} {figure(high)}"]
    return " and ".join(least + most)


def _text_term(text: str) -> str:
    bare = _is_word(text) and not TERM.match(text)
    return text if bare else f'text:"{_escaped(text)}"'


def _word(value: str) -> str:
    return value if _is_word(value) else f'"{_escaped(value)}"'


def _is_word(value: str) -> bool:
    return not value.startswith('"') and not any(character.isspace() for character in value)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
