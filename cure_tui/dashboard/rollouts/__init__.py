"""Rollouts: their list, the query language, and one rollout in full."""
