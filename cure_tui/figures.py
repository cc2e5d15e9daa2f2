"""Figures of an evaluation as the journal holds them, read with patience: what another version left out is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.runs.state import Evaluation


@dataclass(frozen=True, slots=True)
class Figure:
    """A share over held-out tasks with its standard error, each None where it is unknown."""

    mean: float | None = None
    standard_error: float | None = None


UNKNOWN = Figure()


def figures_of(evaluation: Evaluation | None) -> Mapping[str, Figure]:
    """By name, in the order of tables: "code", "ut", then "bon 4x4", "bon 16x16", ... from small to large."""
    if evaluation is None:
        return {}
    summary = evaluation.summary
    found = {name: _figure(summary[name]) for name in ("code", "ut") if name in summary}
    bon = summary.get("bon")
    if isinstance(bon, dict):
        found |= {f"bon {size}": _figure(value) for size, value in bon.items()}
    return found


def headline(evaluation: Evaluation | None) -> tuple[Figure, Figure, Figure]:
    """Code, UT and the largest best-of-N."""
    figures = figures_of(evaluation)
    sizes = [name for name in figures if name.startswith("bon ")]
    return figures.get("code", UNKNOWN), figures.get("ut", UNKNOWN), figures[sizes[-1]] if sizes else UNKNOWN


def _figure(value: object) -> Figure:
    if not isinstance(value, dict):
        return UNKNOWN
    return Figure(_number(value.get("mean")), _number(value.get("se")))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
