"""Prompts and answers: problem and role -> chat messages; answer -> program, unit test, or a reject reason."""

from engine.prompts.answers import (
    Program,
    Rejected,
    RejectReason,
    UnitTest,
    parse_program,
    parse_unit_test,
)
from engine.prompts.chat import ChatTokenizer, encode_prompt, missing_start
from engine.prompts.messages import PromptStyle, Style, build_messages, style_of
from engine.prompts.reading import Reading, read_program, read_unit_test
from engine.prompts.roles import Role
from engine.prompts.thoughts import opens_thought
from engine.prompts.worked_turns import WorkedTurns, built_in_turns, parse_worked_turns

__all__ = [
    "ChatTokenizer",
    "Program",
    "PromptStyle",
    "Reading",
    "RejectReason",
    "Rejected",
    "Role",
    "Style",
    "UnitTest",
    "WorkedTurns",
    "build_messages",
    "built_in_turns",
    "encode_prompt",
    "missing_start",
    "opens_thought",
    "parse_program",
    "parse_unit_test",
    "parse_worked_turns",
    "read_program",
    "read_unit_test",
    "style_of",
]
