"""Curves: charts over steps, their settings, and the lengths of answers."""
