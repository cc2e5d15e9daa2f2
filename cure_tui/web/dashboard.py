"""What runs behind a page: `python -m cure_tui.web.dashboard`. The web server holds both ends of its pipes."""

from __future__ import annotations

import os
import threading

from textual.driver import Driver
from textual.drivers.web_driver import WebDriver

from cure_tui.dashboard.app import CureApp

_SECONDS_TO_LEAVE = 3.0


class PageDriver(WebDriver):
    """Leaves with its page, whatever happens.

    A page that vanishes (laptop shut, connection lost) may leave the pipe to the server full with nobody reading it:
    the app then waits in a write and never hears that it should leave. A server that is killed cannot tell it at all.
    """

    def on_meta(self, packet_type: str, payload: dict[str, object]) -> None:
        super().on_meta(packet_type, payload)
        if packet_type == "quit":
            self._leave()

    def run_input_thread(self) -> None:
        super().run_input_thread()  # returns at the pipe's end, or when the app has left by itself
        self._leave()

    def _leave(self) -> None:
        """Ends the process soon. Nothing is lost by it: engines have their own sessions, a dashboard only reads."""
        timer = threading.Timer(_SECONDS_TO_LEAVE, os._exit, (0,))
        timer.daemon = True
        timer.start()


class PageApp(CureApp):
    """The dashboard; pages draw all of Unicode, whatever this machine's locale."""

    def get_driver_class(self) -> type[Driver]:
        return PageDriver


if __name__ == "__main__":
    PageApp().run()
