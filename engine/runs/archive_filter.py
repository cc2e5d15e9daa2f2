"""Filter and order of rollouts, translated into SQL that the archive's indexes can serve."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.runs.archive import searchable
from engine.runs.records import STATUSES

# Outcomes of one program: its row in the grid of codes, one byte per test. A coder's `idx` is the row of its program.
CODES_OF_ROW = "substr(m.status, r.idx * m.tests + 1, m.tests)"


class Order(StrEnum):
    """Sort keys of rollouts. Steps are sorted within by task in the batch, role and index; other ties by age."""

    OLDEST = "step"
    NEWEST = "-step"
    LEAST_REWARD = "reward"
    MOST_REWARD = "-reward"
    LEAST_ADVANTAGE = "advantage"
    MOST_ADVANTAGE = "-advantage"
    SHORTEST = "tokens"
    LONGEST = "-tokens"

    @property
    def by_step(self) -> bool:
        return self in (Order.OLDEST, Order.NEWEST)


@dataclass(frozen=True, slots=True)
class RolloutFilter:
    """Conditions on rollouts, all of which must hold; None and () do not restrict, bounds are inclusive.

    task: id of the task; task_prefix: beginning of that id.
    status: `RolloutRecord.status`. happened: names of which one is that status or, for a program, the outcome of one
    of its executions (STATUSES; "ok" refers to the status alone).
    text, more_texts: substrings that the answer must contain, ignoring case. Needles of three characters or more use
    the search index. For shorter ones, and for answers written without an index, every answer that the other fields
    leave is read.
    """

    first_step: int | None = None
    last_step: int | None = None
    task: str | None = None
    task_prefix: str | None = None
    role: str | None = None
    min_index: int | None = None
    max_index: int | None = None
    status: str | None = None
    happened: tuple[str, ...] = ()
    finished: bool | None = None
    min_reward: float | None = None
    max_reward: float | None = None
    min_advantage: float | None = None
    max_advantage: float | None = None
    min_tokens: int | None = None
    max_tokens: int | None = None
    text: str = ""
    more_texts: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(text for text in (self.text, *self.more_texts) if text)


EVERYTHING = RolloutFilter()


def where_clause(wanted: RolloutFilter, *, all_indexed: bool) -> tuple[str, tuple[object, ...]]:
    """Return the SQL condition on a row `r` of rollouts, and its values.

    all_indexed: the search index holds every answer. The condition calls `answer_of`
    (engine.runs.archive.searchable_answer) and `holds`, which must be registered with the connection.
    """
    conditions = {
        "step >= ?": wanted.first_step,
        "step <= ?": wanted.last_step,
        "task = ?": wanted.task,
        "task >= ?": wanted.task_prefix or None,
        "task < ?": f"{wanted.task_prefix}\U0010ffff" if wanted.task_prefix else None,
        "role = ?": wanted.role,
        "idx >= ?": wanted.min_index,
        "idx <= ?": wanted.max_index,
        "status = ?": wanted.status,
        "finished = ?": wanted.finished,
        "reward >= ?": wanted.min_reward,
        "reward <= ?": wanted.max_reward,
        "advantage >= ?": wanted.min_advantage,
        "advantage <= ?": wanted.max_advantage,
        "tokens >= ?": wanted.min_tokens,
        "tokens <= ?": wanted.max_tokens,
    }
    clauses = [clause for clause, value in conditions.items() if value is not None]
    values: list[object] = [value for value in conditions.values() if value is not None]
    if wanted.happened:
        clause, named = _happened(wanted.happened)
        clauses.append(clause)
        values.extend(named)
    for text in map(searchable, wanted.texts):
        clause, needed = _holding(text, wanted, all_indexed=all_indexed)
        clauses.append(clause)
        values.extend(needed)
    return " AND ".join(clauses) or "1", tuple(values)


def _holding(text: str, wanted: RolloutFilter, *, all_indexed: bool) -> tuple[str, list[object]]:
    """Return the condition that the answer contains `text`."""
    holding = "holds(answer_of(body, answer_bytes), ?)"
    if len(text) < 3:
        return holding, [text]
    # The index finds answers with all trigrams of the needle, in any order; `holds` keeps those with the needle itself.
    # Answers written with the index off are not in it and must be read.
    listed = "SELECT rowid FROM search WHERE search MATCH ?"
    values: list[object] = [all_trigrams(text)]
    if wanted.first_step is not None and wanted.last_step is not None:
        # Without these bounds, every page of a list would scan the index of all steps.
        edge = "(SELECT {}(id) FROM rollouts INDEXED BY rollouts_by_step WHERE step BETWEEN ? AND ?)"
        listed += f" AND rowid BETWEEN {edge.format('min')} AND {edge.format('max')}"
        values.extend([wanted.first_step, wanted.last_step] * 2)
    maybe = f"id IN ({listed})"
    if not all_indexed:
        maybe = f"({maybe} OR NOT EXISTS (SELECT 1 FROM search_docsize d WHERE d.id = r.id))"
    return f"{maybe} AND {holding}", [*values, text]


def _happened(names: tuple[str, ...]) -> tuple[str, list[object]]:
    """Return the condition that an answer has one of these statuses or its program one of these outcomes."""
    codes = [STATUSES.index(name) for name in names if name in STATUSES[1:]]
    ways = [f"status IN ({','.join('?' * len(names))})"]
    if codes:
        seen = " OR ".join(f"instr({CODES_OF_ROW}, x'{code:02x}')" for code in codes)
        ways.append(
            "(role = 'coder' AND EXISTS (SELECT 1 FROM matrices m "
            f"WHERE m.step = r.step AND m.position = r.position AND ({seen})))"
        )
    return f"({' OR '.join(ways)})", list(names)


def all_trigrams(needle: str) -> str:
    """Return the FTS5 query for an answer with every trigram of the needle."""
    trigrams = dict.fromkeys(needle[i : i + 3] for i in range(len(needle) - 2))
    return " AND ".join('"' + trigram.replace('"', '""') + '"' for trigram in trigrams)


def holds(answer: str, needle: str) -> bool:
    """Return whether the answer contains the needle, ignoring case."""
    return needle.lower() in answer.lower()
