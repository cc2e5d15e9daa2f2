"""Statements of problems as people keep them: Markdown and HTML of any judge -> Statement. Read reader.py first."""

from engine.problems.statement.reader import MAX_TEXT, Statement, read_statements

__all__ = ["MAX_TEXT", "Statement", "read_statements"]
