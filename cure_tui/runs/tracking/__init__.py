"""Experiment trackers that follow a run's journal, decoupled from the training. Read `follow.py` first."""
