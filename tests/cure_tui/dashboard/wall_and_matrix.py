"""Answers and matrices to draw: one of each kind, the same every time."""

from __future__ import annotations

import numpy as np

from engine.runs.live import LiveSlot
from engine.runs.records import STATUSES, CellGrid, MatrixRecord, RolloutRecord, TaskRecord, TestRecord

# State, verdict, and how many of how many passed.
STANDINGS = {
    "coder": (
        ("sampling", "", 0, 0), ("sampling", "", 0, 0), ("done", "", 0, 0), ("done", "correct", 8, 8),
        ("done", "wrong", 3, 8), ("truncated", "rejected", 0, 0), ("done", "timeout", 6, 8), ("truncated", "", 0, 0),
    ),
    "tester": (
        ("sampling", "", 0, 0), ("done", "right", 7, 10), ("done", "wrong", 2, 10), ("done", "malformed", 0, 0),
        ("truncated", "undecided", 10, 10), ("done", "", 0, 0),
    ),
}  # fmt: skip
TASKS = ("numbers-03-05-02", "digits-01-01-02", "1873_A", "letters-02-04-04")
CODE = (
    "```python\ndef solve(n, k):\n\tbest = 0\n    for value in range(n):\n        if value % k == 0:\n"
    "            best = max(best, value)\n    return best\nprint(solve(*map(int, input().split())))\n```\n"
)
TEST = (
    "8671 > 8 6 7 > 36\n**Test Input:**\n```\n8671\n```\n**Test Output:**\n```\n36\n```\n**Explanation:** 日本 as above"
)


def slots(coders: int, testers: int) -> list[LiveSlot]:
    """Return answers of both roles, each of another length and in another state."""
    made = []
    for place in range(coders + testers):
        is_coder = place < coders
        text = CODE if is_coder else TEST
        cut = 20 + 37 * place % (len(text) - 20)
        role = "coder" if is_coder else "tester"
        state, verdict, passed, of = STANDINGS[role][(place if is_coder else place - coders) % len(STANDINGS[role])]
        task = TASKS[place % len(TASKS)]
        made.append(LiveSlot(place, role, task, text[:cut], 11 * place, state, verdict, passed, of))
    return made


def grid(cells: list[str]) -> CellGrid:
    """Build a grid from rows of letters: "P" passed, "W" wrong, else a status's first letter, "-" not run."""
    codes = {"P": "ok", "W": "ok", "R": "runtime_error", "T": "time_limit", "M": "memory_limit", "O": "output_limit"}
    codes |= {"K": "crash", "C": "compile_error", "I": "infrastructure", "-": "not_run"}
    letters = np.array([list(row) for row in cells], dtype=str).reshape(len(cells), len(cells[0]) if cells else 0)
    status = np.array([STATUSES.index(codes[letter]) for letter in letters.ravel()], dtype=np.uint8)
    return CellGrid(
        passed=letters == "P",
        known=~np.isin(letters, ["I", "-"]),
        status=status.reshape(letters.shape),
        milliseconds=np.full(letters.shape, 7, dtype=np.uint32),
        outputs=tuple(tuple("4\n" if letter == "P" else "5\n" for letter in row) for row in letters),
    )


def every_verdict() -> MatrixRecord:
    """Build a matrix of two correct, two wrong, one undecided and one malformed program; test 3 is malformed."""
    return MatrixRecord(
        truth=grid(["PPP", "PPP", "PWP", "RTM", "PIP", "---"]),
        generated=grid(["PP-WPP", "PP-WPI", "PW-PWW", "OK-CRT", "PW-PPI", "------"]),
    )


def every_verdict_task() -> TaskRecord:
    """Build a task around `every_verdict`, with the answers that its programs and tests were parsed from."""
    coders = [
        RolloutRecord("coder", place, 1.0, 0.0, 9, True, "ok", f"answer {place}", f"print({place})")
        for place in range(5)
    ]
    coders.append(RolloutRecord("coder", 5, 0.0, 0.0, 9, False, "unclosed_block", "```python\nprint("))
    testers = [RolloutRecord("tester", place, 1.0, 0.0, 9, True, "ok", f"test {place}") for place in range(6)]
    testers[2] = RolloutRecord("tester", 2, -1.0, 0.0, 9, True, "no_output", "no test at all")
    tests = tuple(TestRecord("", "", 2) if place == 2 else TestRecord(f"{place}\n", "4", place) for place in range(6))
    truth = tuple(TestRecord(f"{place}\n", "4 \n") for place in range(3))
    return TaskRecord("sum-of-two", "Add.", (*coders, *testers), truth, tests, every_verdict())


def matrix(programs: int, truth: int, generated: int, *, seed: int = 0, kept: bool = True) -> MatrixRecord:
    """Build a matrix of these sizes; `kept` False: nothing but the verdicts, not even statuses."""
    rng = np.random.default_rng(seed)

    def side(tests: int) -> CellGrid:
        shape = (programs, tests)
        if not kept:
            return CellGrid(passed=rng.random(shape) < 0.5)
        status = rng.integers(0, len(STATUSES) + 2, shape).astype(np.uint8)
        return CellGrid(passed=(status == 0) & (rng.random(shape) < 0.7), known=rng.random(shape) < 0.9, status=status)

    return MatrixRecord(truth=side(truth), generated=side(generated))
