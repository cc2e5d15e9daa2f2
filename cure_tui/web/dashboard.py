"""Dashboard process behind a page: `python -m cure_tui.web.dashboard`. Pipes connect it to the web server."""

from __future__ import annotations

import os
import threading

from textual.driver import Driver
from textual.drivers.web_driver import WebDriver

from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.crash import result_of
from cure_tui.exit_codes import errors_as_lines

_SECONDS_TO_QUIT = 3.0


class PageDriver(WebDriver):
    """Driver that ends the process together with its page.

    A page that vanishes (laptop shut, connection lost) may leave the pipe to the server full and without a reader: the
    app then blocks in a write and never handles the request to quit. A killed server cannot even send that request.
    """

    def on_meta(self, packet_type: str, payload: dict[str, object]) -> None:
        super().on_meta(packet_type, payload)
        if packet_type == "quit":
            self._exit_soon()

    def run_input_thread(self) -> None:
        super().run_input_thread()  # returns at the pipe's end, or when the app has quit
        self._exit_soon()

    def _exit_soon(self) -> None:
        """End the process soon. Nothing is lost: engines have their own sessions, and a dashboard only reads."""
        timer = threading.Timer(_SECONDS_TO_QUIT, os._exit, (0,))
        timer.daemon = True
        timer.start()


class PageApp(CureApp):
    """Dashboard app for a page, which can draw all of Unicode whatever this machine's locale."""

    def get_driver_class(self) -> type[Driver]:
        return PageDriver


if __name__ == "__main__":
    with errors_as_lines():
        result_of(PageApp())
