"""Packed rows: many answers in one row, each seeing its own prompt and itself only."""
