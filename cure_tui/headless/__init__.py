"""Headless runs: one line a step on stderr, the result on stdout."""
