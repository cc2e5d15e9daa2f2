"""Packed rows: many answers in one row, each attending to its own prompt and itself only."""
