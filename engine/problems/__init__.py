"""Problems to be solved: their tests, their files, the order a run draws them in."""

from engine.problems.cure_format import load_problems, parse_cure_record, save_problems, to_cure_record
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
]
