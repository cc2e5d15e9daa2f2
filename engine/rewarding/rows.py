"""Flat batches of other trainers: a row for each prompt, whose answers of both roles meet in one reward call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from engine.errors import DataError
from engine.problems import Problem
from engine.prompts import Role, build_messages, style_of
from engine.rewarding.rewarder import Rewarder, TaskAnswers


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """Answer of one role to a task, as a trainer's batch holds it."""

    problem: Problem
    role: Role
    text: str


def role_of(name: object) -> Role:
    """Return the role that a row names. Raises DataError."""
    try:
        return Role(str(name))
    except ValueError:
        raise DataError(f"a row names the role {name!r}", f"roles are {' and '.join(Role)}") from None


def prompts_of(problems: Sequence[Problem], rewarder: Rewarder) -> Iterator[tuple[Problem, Role, list[dict[str, str]]]]:
    """Yield the chat messages of both roles for each task, next to each other, without its reference solutions."""
    model = rewarder.config.model
    style = style_of(model)
    for problem in problems:
        task = replace(problem, solutions=())
        for role in Role:
            yield task, role, build_messages(task, role, style, show_example=model.show_example)


def reward_rows(rewarder: Rewarder, rows: Sequence[AnswerRow], *, in_thought: bool = False) -> list[float]:
    """Return a reward for each row; rows of one task form its groups, wherever in the batch they stand.

    Raises DataError for a tester's answers whose task has no coder's answer in the batch: nothing could judge them.
    """
    places: dict[str, dict[Role, list[int]]] = {}
    for place, row in enumerate(rows):
        places.setdefault(row.problem.id, {role: [] for role in Role})[row.role].append(place)
    tasks = []
    for name, of_role in places.items():
        if not of_role[Role.CODER]:
            raise DataError(
                f"task {name} has tests in this batch and no program that could judge them",
                "keep both rows of a task next to each other, unshuffled, and an even number of prompts in a batch",
            )
        texts = {role: [rows[place].text for place in of_role[role]] for role in Role}
        problem = rows[of_role[Role.CODER][0]].problem
        tasks.append(
            TaskAnswers.read(problem, texts[Role.CODER], texts[Role.TESTER], rewarder.reading, in_thought=in_thought)
        )
    rewards = [0.0] * len(rows)
    for of_role, rewarded in zip(places.values(), rewarder.reward(tasks), strict=True):
        for role, of_group in ((Role.CODER, rewarded.coder_n), (Role.TESTER, rewarded.tester_or_zeros_m)):
            for place, reward in zip(of_role[role], of_group.tolist(), strict=True):
                rewards[place] = reward
    return rewards


def text_of(completion: object) -> str:
    """Return the text of a trainer's completion: a string, or the assistant's chat messages. Raises DataError."""
    if isinstance(completion, str):
        return completion
    if isinstance(completion, Sequence) and completion and isinstance(completion[-1], dict):
        content = completion[-1].get("content")
        if isinstance(content, str) or content is None:
            return content or ""
        if isinstance(content, Sequence) and all(isinstance(part, dict) for part in content):
            return "".join(str(part.get("text", "")) for part in content)
    raise DataError(
        f"an answer is {type(completion).__name__}, no text and no chat messages",
        "give texts, or lists of messages with role and content",
    )
