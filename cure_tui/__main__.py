"""`python -m cure_tui` is `cure-tui`."""

from cure_tui.cli import main

if __name__ == "__main__":
    main()
