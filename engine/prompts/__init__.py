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

__all__ = [
    "ChatTokenizer",
    "Program",
    "PromptStyle",
    "RejectReason",
    "Rejected",
    "Role",
    "UnitTest",
    "build_messages",
    "encode_prompt",
    "parse_program",
    "parse_unit_test",
]
