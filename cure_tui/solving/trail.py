"""Trail of a strategy in words: its stage, votes, verdicts of a judge, tests that vote no longer, costs, lineage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cure_tui.drawing.spans import Row, Span, width
from cure_tui.drawing.tables import text_table
from engine.solve.events import SolveState, Trail

_FIRST = "sample"
"""Stage of a strategy that only samples: its numbers say all of it."""
_USUAL_PARTS = ("coder", "tester")


def has_trail(trail: Trail) -> bool:
    """Tell whether the strategy does more than to sample programs and tests."""
    return any(stage != _FIRST for stage in trail.stages) or any(part not in _USUAL_PARTS for _, part in trail.costs)


def trail_rows(trail: Trail, columns: int) -> list[Row]:
    """Return a row with the stage, what has been decided, and the tokens of every stage as far as they fit."""
    if not has_trail(trail):
        return []
    row: Row = (Span("stage "), Span(trail.stage, "accent"))
    facts = ", ".join(_facts(trail))
    if facts:
        row = (*row, Span(f"  {facts}"))
    spent = [f"{stage} {_short(tokens)}" for stage, tokens in _tokens(trail).items()]
    while spent and width(row) + len(text := f"  tokens: {', '.join(spent)}") > columns:
        spent.pop(0)  # the oldest: what has just been spent is news
    return [(*row, Span(text, "muted")) if spent else row]


def trail_text(state: SolveState) -> str:
    """Return the whole trail as text: costs by stage and part, what has been decided, and where programs come from."""
    trail, blocks = state.trail, []
    if trail.costs:
        rows = [
            [stage, part, str(cost.answers), f"{cost.prompt_tokens:,}", f"{cost.tokens:,}", _dollars(cost.dollars)]
            for (stage, part), cost in trail.costs.items()
        ]
        blocks.append(text_table(["STAGE", "PART", "ANSWERS", "PROMPTS", "TOKENS", "COST"], rows))
    if facts := list(_facts(trail)):
        blocks.append("\n".join(facts))
    if trail.lineage:
        rows = [[f"p{row}", f"p{parent}", why] for row, (parent, why) in trail.lineage.items()]
        blocks.append(text_table(["PROGRAM", "AFTER", "WHY"], rows))
    if state.solution is not None and state.solution.get("remarks"):
        blocks.append("\n".join(state.solution["remarks"]))
    return "\n\n".join(blocks) or "nothing has been asked yet"


def trail_line(solution: Mapping[str, Any]) -> str:
    """Return one line on a solution: what the strategy remarks, and the answers by stage and part; "" for samples."""
    trail = solution.get("trail", ())
    stages = dict.fromkeys(each["stage"] for each in trail)
    parts = list(solution.get("remarks", ()))
    if any(stage != _FIRST for stage in stages) or any(each["part"] not in _USUAL_PARTS for each in trail):
        spent = [
            f"{stage}: "
            + ", ".join(f"{each['part']} {each['answers']}" for each in trail if each["stage"] == stage)
            for stage in stages
        ]  # fmt: skip
        parts.append(f"answers by stage: {'; '.join(spent)}")
    return "; ".join(parts)


def _facts(trail: Trail) -> Iterator[str]:
    agreed, votes = trail.votes
    if votes:
        yield f"{agreed} of {votes} votes agreed"
    held, judged = trail.judged
    if judged:
        yield f"{held} of {judged} verdicts of the judge held"
    for status, count in trail.retired.items():
        yield f"{count} test{'' if count == 1 else 's'} {status}"
    if trail.lineage:
        yield f"{len(trail.lineage)} repaired or replaced"


def _tokens(trail: Trail) -> dict[str, int]:
    """Return tokens of prompts and answers by stage."""
    tokens: dict[str, int] = {}
    for (stage, _), cost in trail.costs.items():
        tokens[stage] = tokens.get(stage, 0) + cost.prompt_tokens + cost.tokens
    return tokens


def _short(count: int) -> str:
    return str(count) if count < 1000 else f"{count / 1000:.0f}k"


def _dollars(dollars: float) -> str:
    return f"${dollars:.4f}" if dollars else ""
