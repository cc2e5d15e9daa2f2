"""Check of problems: what would make a run fail, teach nothing, or make its figures worth nothing.

`check_problems` looks at one file, `check_training` at the splits of a run. Both return a report and raise nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from engine.data.overlap import find_overlaps, own_statement
from engine.problems import Problem
from engine.sandbox.judging import outputs_match

Severity: TypeAlias = Literal["error", "warning", "note"]

FEW_TESTS = 3
HUGE_TEST = 1_000_000
"""Characters of a test that slow a run: its input is sent to the sandbox once for every program."""

_SHOWN_IDS = 5
_NEVER_TRAIN = {
    "livecodebench": "an evaluation set",
    "livecodebench-reasonflux": "an evaluation set",
    "livebench": "an evaluation set",
    "livebench-reasonflux": "an evaluation set",
    "humaneval": "an evaluation set",
    "mbpp/prompt": "the examples of MBPP's prompts",
    "mbpp-sanitized/prompt": "the examples of MBPP's prompts",
}
_NEVER_TRAIN_SPLITS = ("test", "heldout")


@dataclass(frozen=True, slots=True)
class Finding:
    """Fault of some tasks. error: a run must not start so. warning: it loses by it. note: good to know.

    text: a sentence without the ids.
    """

    kind: str
    severity: Severity
    text: str
    ids: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = ", ".join(self.ids[:_SHOWN_IDS])
        more = f" and {len(self.ids) - _SHOWN_IDS} more" if len(self.ids) > _SHOWN_IDS else ""
        return f"{self.text}: {shown}{more}" if self.ids else self.text


@dataclass(frozen=True, slots=True)
class Report:
    """Findings on a file or on the splits of a run, the gravest first. verdicts, styles: tasks of each."""

    tasks: int
    findings: tuple[Finding, ...]
    verdicts: Mapping[str, int]
    styles: Mapping[str, int]

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if each.severity == severity)

    @property
    def is_clean(self) -> bool:
        """Tell whether a run may start: there is no error."""
        return not self.of("error")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def check_problems(
    problems: Sequence[Problem], evaluation: Sequence[Problem] = (), *, for_training: bool = False
) -> Report:
    """Check the tasks of a file.

    evaluation: tasks that must not be among them. for_training: refuse sets that must not be trained on.
    """
    findings = [*_of_tests(problems), *_of_the_file(problems), *_overlapping(problems, evaluation)]
    if for_training:
        findings += _never_trained_on(problems)
    order: Sequence[Severity] = ("error", "warning", "note")
    return Report(
        tasks=len(problems),
        findings=tuple(sorted(findings, key=lambda each: order.index(each.severity))),
        verdicts=dict(sorted(Counter(each.verdict for each in problems if each.verdict).items())),
        styles=dict(sorted(Counter(each.style for each in problems if each.style).items())),
    )


def contradicts_itself(problem: Problem) -> bool:
    """Tell whether the tests of a task expect two outputs for one input: no program passes both."""
    expected: dict[str, str] = {}
    comparison = problem.compare or "whitespace"
    tests = (*problem.hidden, *problem.public)
    return any(
        not outputs_match(expected.setdefault(test.input, test.output), test.output, comparison) for test in tests
    )


def expects_nothing(problem: Problem) -> bool:
    """Tell whether a program that prints nothing passes all hidden tests."""
    return bool(problem.hidden) and all(not test.output.strip() for test in problem.hidden)


def expects_a_constant(problem: Problem) -> bool:
    """Tell whether a program that prints one and the same text passes all hidden tests, of which there are several."""
    outputs = {tuple(test.output.split()) for test in problem.hidden}
    return len(problem.hidden) > 1 and len(outputs) == 1 and () not in outputs


def _of_tests(problems: Sequence[Problem]) -> Iterable[Finding]:
    def found(kind: str, severity: Severity, which: Iterable[Problem], one: str, many: str) -> Iterable[Finding]:
        ids = tuple(each.id for each in which)
        if ids:
            faulty = severity == "warning" and len(ids) == len(problems)
            text = f"1 task {one}" if len(ids) == 1 else f"{len(ids)} tasks {many}"
            yield Finding(
                kind, "error" if faulty else severity, f"all {text}" if faulty and len(ids) > 1 else text, ids
            )

    yield from found(
        "contradiction",
        "warning",
        filter(contradicts_itself, problems),
        "contradicts itself, with two outputs for one input",
        "contradict themselves, with two outputs for one input",
    )
    yield from found(
        "blank",
        "warning",
        filter(expects_nothing, problems),
        "expects no output: a program that prints nothing passes",
        "expect no output: a program that prints nothing passes",
    )
    yield from found(
        "constant",
        "note",
        filter(expects_a_constant, problems),
        "expects the same output in all tests: a program that prints it passes",
        "expect the same output in all their tests: a program that prints it passes",
    )
    yield from found(
        "shown",
        "note",
        (each for each in problems if set(each.public) & set(each.hidden)),
        "has an example that is a hidden test, too",
        "have an example that is a hidden test, too",
    )
    yield from found(
        "huge",
        "note",
        (each for each in problems if any(len(test.input + test.output) > HUGE_TEST for test in each.hidden)),
        f"has a test of more than {HUGE_TEST / 1e6:g} MB",
        f"have a test of more than {HUGE_TEST / 1e6:g} MB",
    )
    few = tuple(each for each in problems if len(each.hidden) < FEW_TESTS)
    yield from found(
        "few",
        "note",
        few,
        f"has fewer than {FEW_TESTS} hidden tests: a wrong program passes easily",
        f"have fewer than {FEW_TESTS} hidden tests: a wrong program passes easily",
    )


def _of_the_file(problems: Sequence[Problem]) -> Iterable[Finding]:
    first: dict[str, str] = {}
    twins = tuple(each.id for each in problems if first.setdefault(own_statement(each), each.id) != each.id)
    if twins:
        what = "1 task has" if len(twins) == 1 else f"{len(twins)} tasks have"
        yield Finding("twin", "note", f"{what} the statement of an earlier one", twins)
    ids = Counter(each.id for each in problems)
    repeated = tuple(name for name, count in ids.items() if count > 1)
    if repeated:
        yield Finding("id", "error", f"{len(repeated)} ids are given twice", repeated)


def _overlapping(problems: Sequence[Problem], evaluation: Sequence[Problem]) -> Iterable[Finding]:
    found = find_overlaps(problems, evaluation) if evaluation else []
    for by, severity in (
        ("id", "error"),
        ("statement", "error"),
        ("test inputs", "warning"),
        ("runs of words", "warning"),
    ):
        pairs = tuple(f"{each.trained} = {each.evaluated}" for each in found if each.by == by)
        if pairs:
            what = "1 task is" if len(pairs) == 1 else f"{len(pairs)} tasks are"
            yield Finding("overlap", severity, f"{what} in the evaluation data, too, by {by}", pairs)  # type: ignore[arg-type]


def _never_trained_on(problems: Sequence[Problem]) -> Iterable[Finding]:
    refused: dict[str, list[str]] = {}
    for problem in problems:
        if reason := never_trained_on(problem):
            refused.setdefault(f"{problem.dataset}, {reason}", []).append(problem.id)
    for what, ids in refused.items():
        yield Finding("never-train", "error", f"the training data must not hold {what}", tuple(ids))


def never_trained_on(problem: Problem) -> str:
    """Return why a task must not be trained on, as its set's name tells; "" if nothing forbids it."""
    name = problem.dataset.lower()
    whole, _, split = name.partition("/")
    if split in _NEVER_TRAIN_SPLITS:
        return "an evaluation split"
    return _NEVER_TRAIN.get(name, _NEVER_TRAIN.get(whole, ""))
