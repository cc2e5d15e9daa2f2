"""Results view: start, end and change of every figure, above the tasks that got worse, still fail or got better."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from cure_tui.dashboard.background import background, in_app
from cure_tui.dashboard.explain import Explanation, Term
from cure_tui.dashboard.messages import OpenAnswers
from cure_tui.dashboard.pane import Pane
from cure_tui.dashboard.results.picture import kinds_of, list_caption, result_rows, task_text
from cure_tui.dashboard.rows import RowsView
from cure_tui.drawing.smoothing import Smoothing
from cure_tui.drawing.spans import Row, Span
from cure_tui.runs.archive_view import ArchiveView
from cure_tui.runs.task_results import Kind, TaskChange, lists_of, task_changes
from cure_tui.runs.watcher import Snapshot
from engine.machine.home import EVALUATION_REQUEST
from engine.runs.archive_reader import ArchiveReader
from engine.runs.folder import RunFolder
from engine.runs.state import Evaluation

_SPLITS = ("heldout", "validation")
_NOTHING = "No answers of this evaluation are archived: under way, or of an old version"


RESULTS = Explanation(
    "results",
    "The first evaluation of tasks that the run does not learn from beside the newest one, or that of the step shown. "
    "Below are the tasks; Enter shows every answer to one of them.",
    (
        Term("[40.1, 52.3]", "95 % interval: where the true mean lies, in 19 of 20 such evaluations", "text"),
        Term("heldout", "tasks that the run never sees otherwise; v turns to validation, which chooses the best step"),
        Term("code accuracy", "share of programs that pass all ground-truth tests"),
        Term("unit-test accuracy", "share of tests that every correct program passes; ignoring validity: of all tests"),
        Term("BoN(4, 4)", "best of n: share of tasks whose program with most votes, of 4 by 4 tests, is correct"),
        Term("consensus(4, 4)", "the same, where programs that agree in their outputs count together"),
        Term("any program correct", "share of tasks with a correct program among all: what a choice could reach"),
        Term("trivial tests", "share of tests that expect 0, 1, None or their input"),
        Term("got worse", "fewer correct programs than at first; still failing: none is correct", "text"),
    ),
)


class TaskList(OptionList):
    """List of tasks; Enter opens the answers to the chosen one."""

    DEFAULT_CSS = """
    TaskList, TaskList:focus { height: 1fr; border: none; padding: 0; background: $background; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Answers"),
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
    ]


class ResultsPane(Pane):
    """View of the evaluations of one split: the first one against the newest, or against the one of the chosen step."""

    DEFAULT_CSS = """
    ResultsPane VerticalScroll { height: auto; max-height: 65%; padding: 0 1; }
    ResultsPane #lists { padding: 0 1; margin-top: 1; }
    ResultsPane TaskList { margin: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "turn", "Next list"),
        Binding("v", "split", "Validation"),
        Binding("a", "answers", "All answers"),
    ]

    def __init__(self, archive: ArchiveView, *, id: str = "results", smoothing: Smoothing | None = None) -> None:
        super().__init__(archive, id=id, smoothing=smoothing)
        self._split = _SPLITS[0]
        self._kind = Kind.WORSE
        self._pair: tuple[Evaluation, Evaluation] | None = None
        self._lists: dict[Kind, list[TaskChange]] = {kind: [] for kind in Kind}
        self._seen: tuple[object, ...] = ()

    @property
    def explanation(self) -> Explanation:
        return RESULTS

    def compose(self) -> ComposeResult:
        with VerticalScroll(can_focus=False):
            yield RowsView(id="table")
        yield RowsView(id="lists")
        yield TaskList(id="tasks")

    @property
    def lists(self) -> dict[Kind, list[TaskChange]]:
        """Lists of tasks as far as they have been read."""
        return self._lists

    def catch_up(self) -> None:
        super().catch_up()
        self.query_one(TaskList).focus()

    def update_view(self, snapshot: Snapshot, step: int | None) -> None:
        state = snapshot.state
        seen = (state.evaluations, self._split, step, snapshot.loading, state.rewards)
        if seen == self._seen:
            return
        self._seen = seen
        of_split = [each for each in state.evaluations if self._is_shown(each)]
        shown = [each for each in of_split if step is None or each.step <= step]
        table = self.query_one("#table", RowsView)
        if not shown:
            self._pair = None
            said = "reading" if snapshot.loading else f"no evaluation of {self._split} tasks yet"
            table.show([(Span(said, "muted"),)])
            self._take([])
            return
        self._pair = shown[0], shown[-1]
        table.show(list(result_rows(state, *self._pair)))
        self._read(*self._pair)

    @property
    def _is_evaluation(self) -> bool:
        """True for a `cure-tui eval`, whose one split has the name of its set, and whose answers are its rollouts."""
        return (self.archive.path.parent / EVALUATION_REQUEST).exists()

    def _is_shown(self, evaluation: Evaluation) -> bool:
        return self._is_evaluation or evaluation.split == self._split

    def _archive_path(self) -> Path:
        if self._is_evaluation:
            return self.archive.path
        return RunFolder(self.archive.path.parent).evaluation_archive(self._split)

    @background("results", exclusive=True)
    def _read(self, first: Evaluation, last: Evaluation) -> None:
        changes: Sequence[TaskChange] = []
        if self._archive_path().exists():
            with ArchiveReader(self._archive_path()) as reader:
                found = reader.right_answers()
            if self._is_evaluation:
                tasks = {task: roles for step in found.values() for task, roles in step.items()}
                changes = task_changes(tasks, tasks)
            else:
                changes = task_changes(found.get(first.step, {}), found.get(last.step, {}))
        in_app(self, self._take, changes, (first, last))

    def _take(self, changes: Sequence[TaskChange], pair: tuple[Evaluation, Evaluation] | None = None) -> None:
        if pair != self._pair:
            return
        self._lists = lists_of(changes)
        kinds = kinds_of(alone=self._alone)
        if self._kind not in kinds or not self._lists[self._kind]:
            self._kind = next((kind for kind in kinds if self._lists[kind]), kinds[-1])
        self._show_list()

    @property
    def _alone(self) -> bool:
        return self._pair is not None and self._pair[0] is self._pair[1]

    def _show_list(self) -> None:
        caption: Row = ()
        if self._pair is not None:
            empty = not self._lists[Kind.ALL]
            caption = (Span(_NOTHING, "muted"),) if empty else list_caption(self._lists, self._kind, alone=self._alone)
        self.query_one("#lists", RowsView).show([caption])
        listed = self.query_one(TaskList)
        listed.clear_options()
        listed.add_options(
            Option(task_text(each, self.app.theme, alone=self._alone)) for each in self._lists[self._kind]
        )
        if listed.option_count:
            listed.highlighted = 0

    # Actions ------------------------------------------------------------------------------------------------

    def action_turn(self) -> None:
        kinds = kinds_of(alone=self._alone)
        self._kind = kinds[(kinds.index(self._kind) + 1) % len(kinds)] if self._kind in kinds else kinds[0]
        self._show_list()

    def action_split(self) -> None:
        """Show the other split."""
        self._split = _SPLITS[(_SPLITS.index(self._split) + 1) % len(_SPLITS)]
        super().catch_up()

    def action_answers(self) -> None:
        """Browse every answer of every evaluation of the split."""
        self._open("")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        task = self._lists[self._kind][event.option_index].task
        self._open(f"task={task}" if " " not in task else f'task="{task}"')

    def _open(self, query: str) -> None:
        path = self._archive_path()
        if path.exists():
            self.post_message(OpenAnswers(path, query, f"answers to {self._split} tasks"))
        else:
            self.notify(_NOTHING, severity="warning")
