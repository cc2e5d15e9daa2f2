"""Rewards of programs and tests, as pure functions of the pass matrix."""
