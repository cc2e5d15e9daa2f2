"""Readers of runs: snapshots, lists, curves, comparisons and alerts, shared by all views."""
