"""Prompts and answers: problem and role -> chat messages; answer -> program, unit test, or a reject reason."""

from engine.prompts.answers import (
    Program,
    Rejected,
    RejectReason,
    UnitTest,
    parse_program,
    parse_unit_test,
)
from engine.prompts.chat import ChatTokenizer, encode_prompt
from engine.prompts.messages import PromptStyle, Role, build_messages
from engine.prompts.reading import Reading, read_program, read_unit_test
from engine.prompts.thoughts import opens_thought

__all__ = [
    "ChatTokenizer",
    "Program",
    "PromptStyle",
    "Reading",
    "RejectReason",
    "Rejected",
    "Role",
    "UnitTest",
    "build_messages",
    "encode_prompt",
    "opens_thought",
    "parse_program",
    "parse_unit_test",
    "read_program",
    "read_unit_test",
]
