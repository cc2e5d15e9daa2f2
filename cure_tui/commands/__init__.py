"""The commands of `cure-tui`, a file each."""
