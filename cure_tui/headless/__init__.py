"""Headless runs: one line per step on stderr, the result on stdout."""
