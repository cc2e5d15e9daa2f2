"""Warnings of an evaluation: shares that make its figures say little, each with its remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.evaluate.parts import Part
from engine.evaluation.report import ONE_SHOT, TaskRow
from engine.prompts import Role

_MANY = 0.05


def warnings_of(rows: Sequence[TaskRow], parts: Sequence[Part], arms: Mapping[str, Sequence[TaskRow]]) -> list[str]:
    """Return what is wrong with more than one answer in twenty, in sentences that begin with a share.

    arms: rows of each arm, by its name.
    """
    told = []
    for part in parts:
        of, role = arms.get(part.name, rows), part.role
        what, unusable = ("programs", "rejected_share") if role is Role.CODER else ("tests", "malformed_share")
        cut, lost = _mean(of, f"{role}_truncated"), _mean(of, unusable)
        longest = part.model.params.of(role).max_new_tokens
        where = "in the thought or answer" if part.model.thinking else "before its end"
        whose = f"{part.name} model" if part.name == ONE_SHOT else part.name
        if cut > _MANY:
            told.append(
                f"{cut:.0%} of the {whose}'s answers are cut off {where}: "
                f"raise --max-tokens, which is {longest}; they count as wrong"
            )
        elif lost > _MANY:
            told.append(f"{lost:.0%} of the {whose}'s answers hold no {what}: look at some with `cure-tui attach`")
    unknown = _mean(rows, "unknown_share")
    if unknown > 0:
        told.append(f"{unknown:.1%} of the cells have no verdict: the sandbox failed on them")
    with_reference = [row for row in rows if row.references]
    failing = sum(not row.references_passed for row in with_reference)
    if failing:
        told.append(
            f"{failing / len(with_reference):.1%} of the references fail their own tests here: "
            "the machine is slower or lacks a package"
        )
    return told


def _mean(rows: Sequence[TaskRow], name: str) -> float:
    values = [value for row in rows if (value := row.figures.get(name)) is not None]
    return sum(values) / len(values) if values else 0.0
