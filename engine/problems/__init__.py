"""Programming problems: their tests, their file formats, and the order in which a run draws them."""

from engine.problems.cure_format import load_problems, save_problems, write_jsonl
from engine.problems.cure_record import parse_cure_record, to_cure_record
from engine.problems.problem import IOExample, Problem
from engine.problems.splits import assert_disjoint, draw_batch

__all__ = [
    "IOExample",
    "Problem",
    "assert_disjoint",
    "draw_batch",
    "load_problems",
    "parse_cure_record",
    "save_problems",
    "to_cure_record",
    "write_jsonl",
]
