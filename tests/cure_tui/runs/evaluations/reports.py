"""Reports of evaluations made up from a seed, consistent in themselves: totals are computed from their rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.evaluate.folder import REPORT, REQUEST
from engine.evaluate.request import EvalRequest
from engine.evaluation.report import (
    BASELINE,
    CODER,
    ONE_SHOT,
    TESTER,
    Arm,
    Report,
    RoleCost,
    Settings,
    Spent,
    Surroundings,
    TaskRow,
    TaskSet,
    Who,
)
from engine.evaluation.summary import UtBasis
from engine.evaluation.totals import totals
from engine.reward.trust import Trust
from engine.runs.folder import RunFolder

PROGRAMS, TESTS = (2, 4, 8, 16), (1, 2, 4, 8, 16)
SETTINGS = Settings(16, 16, ("4x4", "16x16"), 0.8, 0.95, 1024, 512, 0, 8)
SURROUNDINGS = Surroundings("0.1.0", "3.12.4", "A", 2, 0.4, "2026-11-29T12:00:00")


def row(task: str, correct: int, chosen: float, ut: float, *, as_published: bool = False) -> TaskRow:
    """Return the row of a task with so many correct of n programs; `chosen`: the share of right choices by tests."""
    n = 16
    share = correct / n
    grid = {
        f"{a}x{b}": (chosen if (a, b) == (16, 16) else share + (chosen - share) * (a * b / 256) ** 0.3)
        for a in PROGRAMS
        for b in TESTS
    }
    figures = {"code": share, "ut": ut, "rejected_share": 0.0, "malformed_share": 0.125, "coder_length": 212.0}
    figures |= {"tester_length": 98.0, "coder_truncated": 0.0, "tester_truncated": 0.0, "timeout_share": 0.0}
    published = {"code": (float(correct), float(n)), "ut": (ut * 14, 14.0), "bon 16x16": (chosen, 1.0)}
    return TaskRow(
        task,
        n,
        16,
        n,
        correct,
        figures,
        grid,
        published=published if as_published else {},
        ut_basis=UtBasis.OWN_CORRECT if correct else UtBasis.NONE,
        trust=Trust(1, 16, 10, 40, 4, 30, 3, 20, 15.0),
        released=f"2024-{1 + int(task[-1]) % 6:02}-15",
    )


def report(
    name: str,
    skill: float,
    *,
    data: str = "nano",
    tasks: int = 40,
    seed: int = 0,
    as_published: bool = False,
) -> Report:
    """Return a report whose tasks have difficulties of their own, the same for every report of the set."""
    difficulty = np.random.default_rng(11).normal(0, 1.4, tasks)
    rng = np.random.default_rng(seed)
    rows = []
    for at in range(tasks):
        chance = 1 / (1 + np.exp(difficulty[at] - skill))
        correct = int(rng.binomial(16, chance))
        chosen = float(correct == 16 or (correct > 0 and rng.random() < 0.5 + chance / 2))
        rows.append(row(f"{data}/{at:03}", correct, chosen, float(rng.binomial(16, 0.4 + 0.4 * chance)) / 16))
        if as_published:
            rows[-1] = row(rows[-1].task, correct, chosen, rows[-1].figures["ut"] or 0.0, as_published=True)
    return Report(
        name=name,
        who=Who(f"run:{name}", f"run:{name}"),
        data=TaskSet(data, tasks, tasks, f"digest of {tasks} tasks of {data}"),
        settings=replace(SETTINGS, protocol="cure" if as_published else ""),
        surroundings=SURROUNDINGS,
        rows=tuple(rows),
        totals=totals(rows),
        spent=Spent(1280, 200_000, 135_000, 62_000, 0.0, 61.0, 22.0, 1.2),
    )


def mixed_report(name: str = "mini-and-mine", *, data: str = "mbpp") -> Report:
    """Return a report of a coder behind an API with a local tester, a baseline tester, and a one-shot model."""
    mixed, own, other = (report(name, skill, data=data, seed=seed) for skill, seed in ((0.6, 1), (0.6, 2), (1.0, 3)))
    # the same programs judged by other tests: code stays, choices differ
    own_rows = tuple(
        row(mine.task, mine.correct, theirs.bon["16x16"] or 0.0, theirs.figures["ut"] or 0.0)
        for mine, theirs in zip(mixed.rows, own.rows, strict=True)
    )
    single = tuple(
        replace(each, programs=1, tests=0, judged=1, correct=code, figures={"code": float(code), "ut": None}, bon={})
        for each, code in ((each, int(each.correct > 7)) for each in other.rows)
    )
    mini, big, mine = "openai:gpt-4o-mini", "openai:gpt-4o", "run:my-4b"
    price = "0.15 and 0.60 dollars a million tokens, endpoints.toml line 4, 2026-11-20"
    return replace(
        mixed,
        who=Who(mini, mine),
        arms=(
            Arm(BASELINE, Who(mini, mini), own_rows, totals(own_rows)),
            Arm(ONE_SHOT, Who(big, ""), single, totals(single)),
        ),
        roles=(
            RoleCost(CODER, mini, "gpt-4o-mini-2024-07-18", 640, 320_000, 448_000, 610.0, 0.3168, False, price, False),
            RoleCost(TESTER, mine, "", 640, 330_000, 1_500_000, 412.0, None, True),
            RoleCost(
                BASELINE, mini, "gpt-4o-mini-2024-07-18", 640, 330_000, 210_000, 300.0, 0.1755, False, price, False
            ),
            RoleCost(ONE_SHOT, big, "", 40, 20_000, 28_000, 60.0, None, False),
        ),
        excluded={"interactive task": 2},
    )


def store(home: Path, *reports: Report) -> None:
    """Write the reports as evaluations below a home."""
    for each in reports:
        folder = RunFolder.create(home / "evaluations" / each.name, "")
        request = EvalRequest(each.who.coder, each.who.tester, each.data.name)
        (folder.path / REQUEST).write_text(request.to_json(), encoding="utf-8")
        (folder.path / REPORT).write_text(each.to_json(), encoding="utf-8")
