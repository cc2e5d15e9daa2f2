"""Rollouts of a run: their list, the query language, and one rollout in full."""
