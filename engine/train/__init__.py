"""Training: one step (read `step.py` first), the run of many steps, and the assembly of its parts."""
