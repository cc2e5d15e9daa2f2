"""Command palette: every action of the screen by name, and the way to a step, a task or a run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

from textual.app import SystemCommand
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.screen import Screen

from cure_tui.dashboard.messages import OpenRun
from engine.machine.home import evaluations_home, runs_home
from engine.runs.listing import run_paths

_MOVES = re.compile(r"(scroll_|cursor_|page_|app\.focus_|screen\.copy|(move|page|first|last|cursor|sideways)\b)")
"""Actions that move a cursor or scroll: nobody looks for them by name."""
_MOST_RUNS = 200


@dataclass(frozen=True, slots=True)
class Place:
    """Place that the user can go to: its name, what it is, and how to open it."""

    name: str
    about: str
    open: Callable[[], object]


@runtime_checkable
class HasPlaces(Protocol):
    """Screen with places of its own, such as steps."""

    def places(self, typed: str) -> Iterable[Place]:
        """Return the places that `typed` may mean; the palette leaves out those that do not match it."""
        ...


def screen_actions(screen: Screen[Any]) -> Iterator[SystemCommand]:
    """Yield the actions that the screen offers now, each once, with its key."""
    app, seen = screen.app, set[tuple[object, str]]()
    for node, binding, enabled, _ in screen.active_bindings.values():
        known = (node, binding.action)
        if not enabled or known in seen or not binding.description or _MOVES.match(binding.action):
            continue
        seen.add(known)
        if binding.action.endswith("command_palette"):
            continue
        yield SystemCommand(
            binding.description, f"key {app.get_key_display(binding)}", partial(app.run_action, binding.action, node)
        )


class Places(Provider):
    """Provider of the screen's own places, and of all runs and evaluations."""

    async def discover(self) -> Hits:
        for place in self._places(""):
            yield DiscoveryHit(place.name, place.open, help=place.about)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for place in [*self._places(query), *self._runs()]:
            score = matcher.match(place.name)
            if score > 0:
                yield Hit(score, matcher.highlight(place.name), place.open, text=place.name, help=place.about)

    def _places(self, typed: str) -> Iterable[Place]:
        return self.screen.places(typed) if isinstance(self.screen, HasPlaces) else ()

    def _runs(self) -> Iterator[Place]:
        for kind, home in (("run", runs_home()), ("evaluation", evaluations_home())):
            for path in sorted(run_paths(home), reverse=True)[:_MOST_RUNS]:
                yield Place(f"Open {kind} {path.name}", str(path), partial(self.app.post_message, OpenRun(path)))
