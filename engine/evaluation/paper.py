"""Published figures of CURE (arXiv 2506.03136, Table 1), to stand beside one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SOURCE = "CURE, arXiv 2506.03136, Table 1"
PROTOCOL = (
    "cure: the published script. It leaves out tasks without one parsed program or test; counts tests of tasks with a "
    "correct program alone, and parsed ones alone; BoN takes the first n and m once, and the first of ties."
)
HONEST = (
    "honest: every task and every answer counts, an answer without program or test as a wrong one; BoN is the mean "
    "over disjoint blocks."
)
BON = "16x16"
"""Size of the published BoN: one choice a task."""
MIXED = (
    "CURE on a tester of 4B beside a coder behind an API, BoN, mean of its five sets: +5.5 points with gpt-4o-mini, "
    "+1.8 with gpt-4.1-mini."
)
TITLES: Mapping[str, str] = {
    "livebench": "LiveBench",
    "mbpp": "MBPP",
    "livecodebench": "LiveCodeBench",
    "codecontests": "CodeContests",
    "codeforces": "CodeForces",
}
_FIGURES = """\
Qwen2.5-7B           26.5 31.1 35.9  35.8 66.3 79.4  28.6 26.9 32.6  26.7 21.2 25.8  18.9 5.4 8.9
ReasonFlux-Coder-7B  54.8 37.1 51.6  79.4 70.2 84.6  57.7 31.2 42.7  62.6 25.9 34.1  45.6 8.2 16.1
Qwen2.5-14B          27.8 36.4 51.7  72.8 76.3 83.2  35.7 33.5 45.1  43.8 25.6 33.4  20.7 7.3 12.5
ReasonFlux-Coder-14B 73.3 47.5 60.2  91.6 78.5 88.2  81.4 40.5 50.5  86.0 32.1 44.4  82.3 12.1 25.9
Qwen3-4B             36.8 72.5 78.1  76.5 88.4 90.1  50.9 74.5 80.0  43.6 53.0 58.3  54.1 28.8 38.5
ReasonFlux-Coder-4B  84.6 74.6 82.0  83.3 89.5 91.1  86.8 74.9 80.6  72.2 54.6 59.9  65.8 30.9 40.2"""


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """Published shares of one model on one set, 0 to 1, by the published script's protocol; bon: of 16 x 16."""

    model: str
    ut: float
    code: float
    bon: float


def published_name(data: str) -> str:
    """Return the name of the published set that a set's name means ("mbpp-original/test" -> "mbpp"), or ""."""
    name = data.split("/")[0].removesuffix("-original").removesuffix("-sanitized")
    return name if name in TITLES else ""


def is_published_cut(data: str) -> bool:
    """Return True if the named set is the very cut that CURE evaluates on, its files of the hub."""
    return data.split("/")[0] in TITLES


def published_rows(name: str) -> list[PublishedRow]:
    """Return the rows of one of `TITLES`, in the order of the table. Raises ValueError for another name."""
    first = 1 + 3 * list(TITLES).index(name)
    rows = []
    for line in _FIGURES.splitlines():
        model, *figures = line.split()
        rows.append(PublishedRow(model, *(round(float(each) / 100, 4) for each in figures[first - 1 : first + 2])))
    return rows
