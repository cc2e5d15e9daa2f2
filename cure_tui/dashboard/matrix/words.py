"""Words of a matrix's views: training knows which programs are correct, solving knows examples and votes alone.

Words       names of sides, marks, standings and cells, and the sentence on a cell's program and test
TRAINING    the words where ground-truth tests tell correct programs and right tests
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cure_tui.dashboard.matrix.reading import CellStatus, Reading, Standing


@dataclass(frozen=True)
class Words:
    """Names in a matrix's views.

    sides: titles of the left side from long to short. truth_test, generated_test: a test by its number; truth_title:
    the same in the title of a cell's screen. mark: the head of the programs' marks. row: the label of the tests' marks,
    5 characters at most. legend: the marks' meaning. cells: labels that differ from those of CellStatus. context: the
    sentence on program and test of a cell (program, test, is_truth).
    """

    sides: tuple[str, ...]
    truth_test: str
    truth_title: str
    generated_test: str
    mark: str
    row: str
    best: str
    programs: Mapping[Standing, str]
    tests: Mapping[Standing, str]
    legend: tuple[tuple[Standing, str], ...]
    context: Callable[[Reading, int, int, bool], str]
    cells: Mapping[CellStatus, str]

    def cell(self, status: CellStatus) -> str:
        return self.cells.get(status, status.label)


def _training_context(reading: Reading, program: int, test: int, is_truth: bool) -> str:
    about_program = {
        Standing.CORRECT: f"p{program} is correct: it passes all ground-truth tests.",
        Standing.WRONG: f"p{program} is wrong: it fails a ground-truth test.",
        Standing.UNDECIDED: f"p{program} is undecided: not all ground-truth tests have a verdict.",
        Standing.EMPTY: f"p{program} is not a program.",
    }[reading.programs[program]]
    if is_truth:
        return about_program
    correct = [place for place, found in enumerate(reading.programs) if found is Standing.CORRECT]
    no_failure = (CellStatus.PASSED, CellStatus.UNKNOWN, CellStatus.NOT_RUN)
    failing = sum(reading.cell_status(place, test, False) not in no_failure for place in correct)
    about_test = {
        Standing.CORRECT: "The test is right: every correct program passes it.",
        Standing.WRONG: f"The test is wrong: {failing} of {len(correct)} correct programs fail it.",
        Standing.UNDECIDED: "The test is undecided: no correct program was run on it.",
        Standing.EMPTY: "A malformed test counts as wrong.",
    }[reading.tests[test]]
    return f"{about_program} {about_test}"


_LABELS = {standing: standing.label for standing in Standing}
TRAINING = Words(
    sides=("ground truth", "truth", "gt", ""),
    truth_test="ground truth {}",
    truth_title="ground-truth test {}",
    generated_test="generated test {}",
    mark="I",
    row="right",
    best="best of n",
    programs=_LABELS,
    tests=_LABELS | {Standing.CORRECT: "right"},
    legend=(
        (Standing.CORRECT, "correct program, right test"),
        (Standing.WRONG, "wrong"),
        (Standing.UNDECIDED, "undecided"),
    ),
    context=_training_context,
    cells={},
)
