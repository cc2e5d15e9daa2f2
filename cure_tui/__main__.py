"""Entry point of `cure-tui` and of `python -m cure_tui`.

Without arguments, in a terminal, it opens the dashboard and does not import the command line, which saves start-up
time.
"""

from __future__ import annotations

import sys

from cure_tui.exit_codes import errors_as_lines
from cure_tui.terminal import in_terminal


def main() -> None:
    """Open the dashboard, or hand the arguments to the command line."""
    with errors_as_lines():
        if len(sys.argv) == 1 and in_terminal():
            from engine.machine.process_memory import grows_without_cycles

            with grows_without_cycles():
                from cure_tui.dashboard.opening import show_dashboard

            show_dashboard()
        else:
            from cure_tui.cli import run

            run()


if __name__ == "__main__":
    main()
