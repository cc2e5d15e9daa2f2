"""Training: the step (read `step.py` first), the run around it, and its parts put together."""
