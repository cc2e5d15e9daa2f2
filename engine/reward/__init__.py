"""Rewards as pure functions of numpy arrays: the pass matrix, what it pays each role, how far it can be trusted."""
