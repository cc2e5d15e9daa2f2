"""Commands of `cure-tui`, one file each."""
