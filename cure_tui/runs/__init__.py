"""Readers of runs: what a run folder says, as every view needs it."""
