"""Comparison of two to four runs on one screen."""
