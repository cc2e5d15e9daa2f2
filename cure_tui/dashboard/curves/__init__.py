"""Curves of a run: charts over steps, their settings, and the lengths of answers."""
