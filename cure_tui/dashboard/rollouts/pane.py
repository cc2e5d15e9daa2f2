"""Rollouts view: every answer of every step, searched in the language of `query`, opened one at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.suggester import Suggester
from textual.widgets import Input

from cure_tui.dashboard.explain import Explanation, Term
from cure_tui.dashboard.messages import OpenRollout
from cure_tui.dashboard.pane import Pane
from cure_tui.dashboard.rollouts.query import EVERYTHING, QueryError, completions, parse
from cure_tui.dashboard.rollouts.query_model import Bounds
from cure_tui.dashboard.rollouts.widget import RolloutList
from cure_tui.dashboard.rows import RowsView
from cure_tui.drawing.smoothing import Smoothing
from cure_tui.drawing.spans import Span, one_column
from cure_tui.runs.archive_view import ArchiveView
from cure_tui.runs.watcher import Snapshot

_EXAMPLE = 'press / to search: role:tester reward<0 status:time_limit tokens>50 text:"max("'


ROLLOUTS = Explanation(
    "rollouts",
    "Every answer of every step. / searches them: a word of the answer, or conditions such as role:tester reward<0.",
    (
        Term("r, role", "coder: an answer with a program; tester: an answer with a test"),
        Term("#", "number of the answer among those of its role to the task"),
        Term("reward", "of a program: share of ground-truth tests passed; of a test: how well it tells programs apart"),
        Term("adv.", "advantage: the reward beside those of the same group, which the update learns from"),
        Term("tokens", "length of the answer; … cut off at the limit"),
        Term(
            "● correct, right", "the program passes all ground-truth tests; all correct programs pass the test", "good"
        ),
        Term("○ wrong", "with the way in which the program failed, as far as it fits", "bad"),
        Term("? undecided", "no verdict: the sandbox failed, or no correct program judges the test", "unknown"),
        Term("✗", "why no program or test was found in the answer", "bad"),
    ),
)


class _Completions(Suggester):
    """Suggester of the first completion of a query."""

    async def get_suggestion(self, value: str) -> str | None:
        return next(iter(completions(value)), None) if value else None


class RolloutsPane(Pane):
    """View with a search line, a line about the result, and the list."""

    DEFAULT_CSS = """
    RolloutsPane Input, RolloutsPane Input:focus { height: 1; border: none; padding: 0 1; background: $panel; }
    RolloutsPane Input:focus { background: $primary 20%; }
    RolloutsPane #found { height: 1; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "type", "Search"),
        Binding("escape", "leave_input", "Back to the list"),
    ]

    def __init__(self, archive: ArchiveView, *, id: str = "rollouts", smoothing: Smoothing | None = None) -> None:
        super().__init__(archive, id=id, smoothing=smoothing)
        self._step_seen = -1
        self._step_wanted: int | None = None
        self._query = EVERYTHING

    @property
    def explanation(self) -> Explanation:
        return ROLLOUTS

    def compose(self) -> ComposeResult:
        yield Input(placeholder=_EXAMPLE, suggester=_Completions(case_sensitive=True), select_on_focus=False)
        yield RowsView(id="found")
        yield RolloutList(self.archive.path)

    def catch_up(self) -> None:
        super().catch_up()
        self.query_one(RolloutList).focus()

    def update_view(self, snapshot: Snapshot, step: int | None) -> None:
        if step != self._step_wanted:
            self._step_wanted = step
            self._search()
        elif snapshot.state.step != self._step_seen:
            self.query_one(RolloutList).look_again()
        self._step_seen = snapshot.state.step

    def search(self, text: str) -> None:
        """Search for a query as if the user had typed it."""
        self.query_one(Input).value = text
        self._submit(text)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self._submit(event.value)

    def _submit(self, text: str) -> None:
        try:
            self._query = parse(text)
        except QueryError as error:
            self._say(str(error), "error")
            return
        self._search()
        self.query_one(RolloutList).focus()

    def _search(self) -> None:
        """Search for the typed query, limited to the chosen step if there is one."""
        query = self._query
        if self._step_wanted is not None:
            query = replace(query, step=query.step & Bounds(self._step_wanted, self._step_wanted))
        self.query_one(RolloutList).search(query)

    def on_rollout_list_searched(self, event: RolloutList.Searched) -> None:
        if event.fault:
            self._say(event.fault, "warning")
            return
        words = self.query_one(RolloutList).rollout_query.explain()
        self._say(f"{event.count:,}{'' if event.done else ' so far'}: {words}", "muted")

    def on_rollout_list_chosen(self, event: RolloutList.Chosen) -> None:
        listed = self.query_one(RolloutList)
        self.post_message(OpenRollout(listed.ids, listed.cursor, listed.rollout_query.texts, self._return))

    def _return(self, last: int | None) -> None:
        if last is not None:
            self.query_one(RolloutList).select(last)

    def _say(self, text: str, style: str) -> None:
        self.query_one("#found", RowsView).show([(Span(one_column(text), style),)])

    def action_type(self) -> None:
        self.query_one(Input).focus()

    def action_leave_input(self) -> None:
        """Leave the search line for the list."""
        self.query_one(RolloutList).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave Escape to the screen unless the search line has the focus."""
        is_typing = self.query_one(Input).has_focus if self.is_mounted else False
        return is_typing if action == "leave_input" else True
