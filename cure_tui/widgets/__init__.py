"""Widgets of the dashboard. They are given frozen data and know nothing of files, threads or processes."""
