"""`cure-tui`, which is also `python -m cure_tui`.

Without arguments, at a terminal, it is the dashboard: that way does not load the command line.
"""

from __future__ import annotations

import sys

from cure_tui.terminal import in_terminal


def main() -> None:
    """Entry point."""
    if len(sys.argv) == 1 and in_terminal():
        from engine.process_memory import grows_without_cycles

        with grows_without_cycles():
            from cure_tui.dashboard.opening import show_dashboard

        show_dashboard()
    else:
        from cure_tui.cli import main as command_line

        command_line()


if __name__ == "__main__":
    main()
