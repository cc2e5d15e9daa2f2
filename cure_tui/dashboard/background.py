"""Work in the background of the dashboard: no fault of it that a user can mend closes the app.

`background` makes a method a thread of its own; `ends_the_app` gives a line to the faults of all other threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from textual import work
from textual.app import App
from textual.message_pump import MessagePump
from textual.worker import Worker

from cure_tui.dashboard.messages import Fault
from engine.errors import CureError, EnvironmentError_

_Pump = TypeVar("_Pump", bound=MessagePump)
_Arguments = ParamSpec("_Arguments")
_Method = Callable[Concatenate[_Pump, _Arguments], None]


def background(
    group: str = "default", *, exclusive: bool = False
) -> Callable[[_Method[_Pump, _Arguments]], Callable[Concatenate[_Pump, _Arguments], Worker[None]]]:
    """Run a method in a thread; a CureError or OSError of it becomes a notice on the screen.

    group, exclusive: an exclusive one ends the others of its group. Any other exception is a defect and ends the app.
    """

    def decorate(
        method: _Method[_Pump, _Arguments],
    ) -> Callable[Concatenate[_Pump, _Arguments], Worker[None]]:
        @wraps(method)
        def attempt(self: _Pump, *values: _Arguments.args, **named: _Arguments.kwargs) -> None:
            try:
                method(self, *values, **named)
            except (CureError, OSError) as error:
                self.post_message(Fault(as_fault(error)))

        return work(thread=True, group=group, exclusive=exclusive)(attempt)

    return decorate


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
