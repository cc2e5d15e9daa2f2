"""User interface of cure-tui: command line and dashboard. It reads run folders, starts engines, loads no model."""

__version__ = "0.1.0"
