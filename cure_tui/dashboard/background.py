"""Work in the background of the dashboard: no fault of it that a user can mend closes the app.

`background` makes a method a thread of its own, which reaches the app by `in_app` alone; `ends_the_app` gives a line to
the faults of all other threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from textual import work
from textual.app import App
from textual.dom import DOMNode, NoScreen
from textual.worker import Worker

from cure_tui.dashboard.messages import Fault
from engine.errors import CureError, EnvironmentError_

_Node = TypeVar("_Node", bound=DOMNode)
_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
_Method = Callable[Concatenate[_Node, _Arguments], None]


class _Closed(Exception):
    """End of a worker whose screen has gone: nobody waits for what it has found."""


def background(
    group: str = "default", *, exclusive: bool = False
) -> Callable[[_Method[_Node, _Arguments]], Callable[Concatenate[_Node, _Arguments], Worker[None]]]:
    """Run a method in a thread; a CureError or OSError of it becomes a notice on the screen.

    group, exclusive: an exclusive one ends the others of its group. The thread ends at its first `in_app` after the
    screen has closed. Any other exception is a defect and ends the app.
    """

    def decorate(
        method: _Method[_Node, _Arguments],
    ) -> Callable[Concatenate[_Node, _Arguments], Worker[None]]:
        @wraps(method)
        def attempt(self: _Node, *values: _Arguments.args, **named: _Arguments.kwargs) -> None:
            try:
                method(self, *values, **named)
            except _Closed:
                return
            except (CureError, OSError) as error:
                self.post_message(Fault(as_fault(error)))

        return work(thread=True, group=group, exclusive=exclusive)(attempt)

    return decorate


def in_app(
    node: DOMNode, call: Callable[_Arguments, _Result], *values: _Arguments.args, **named: _Arguments.kwargs
) -> _Result:
    """Call in the app's thread, from a thread of `background`, and return the result.

    node: the widget, screen or app that the call is for; once its screen is being closed, the worker ends here instead.
    Such a call does not wait its turn among the screen's messages: it would meet widgets that are gone one by one.
    """

    def attempt() -> _Result:
        if not is_open(node):
            raise _Closed
        return call(*values, **named)

    return node.app.call_from_thread(attempt)


def is_open(node: DOMNode) -> bool:
    """Report whether the node's screen, or the app itself, is there to be drawn; to be asked in the app's thread."""
    if not node.app.is_running or not node.app.screen_stack:
        return False
    if isinstance(node, App):
        return True
    try:
        # A screen that is being removed is no longer displayed, from before its first widget goes.
        return node.is_attached and node.screen.display
    except NoScreen:
        return False


def as_fault(error: CureError | OSError) -> CureError:
    """Return the error with a remedy: an OSError that no room has translated is one of this machine."""
    if isinstance(error, CureError):
        return error
    where = f" ({error.filename})" if error.filename else ""
    reason = (error.strerror or str(error)).lower()
    return EnvironmentError_(
        f"the system refuses: {reason}{where}", "free space, memory and open files, then try again"
    )


def _raise(error: Exception) -> None:
    raise error


@contextmanager
def ends_the_app(app: App[Any]) -> Iterator[None]:
    """End the app with an exception that nothing in one of its threads has handled, as one of a worker does.

    Left to Python, its traceback would be written across the screen, and the view would wait for the thread for ever.
    """
    before = threading.excepthook

    def hear(fault: threading.ExceptHookArgs) -> None:
        error = fault.exc_value
        if not isinstance(error, Exception):
            before(fault)
        elif app.is_running:
            with suppress(RuntimeError):  # it closes at this moment
                app.call_from_thread(app.call_later, _raise, error)

    threading.excepthook = hear
    try:
        yield
    finally:
        threading.excepthook = before
