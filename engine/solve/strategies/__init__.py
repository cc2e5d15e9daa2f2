"""Strategies for solving one problem with coder, tester and executor: each takes a Bench and returns a Solution.

    strategy = find_strategy("bon")
    solution = solve(strategy, bench)

A strategy is one file with one class: it asks, adds programs and tests, repairs. `session` is what it works with,
`runner` calls it and lets a selector choose. Shared parts: `board` (programs x tests as they arrive), `bench` (writers,
runner and budget), `batch` (questions under way), `evidence` (the Solution and its support). Shared moves: `asking`
(answers with a form, once more if malformed), `voting` (outputs), `threads` (talks about a test), `telling_apart`.
"""

from engine.solve.strategies.bench import Bench, Observer, Quiet
from engine.solve.strategies.board import Board, TestCase
from engine.solve.strategies.budget import Budget, Spent, refuse_unbound_limits
from engine.solve.strategies.evidence import Candidate, Solution, Support
from engine.solve.strategies.parts import Need, Part
from engine.solve.strategies.protocol import Strategy, find_strategy, strategy_names
from engine.solve.strategies.runner import solve

__all__ = [
    "Bench",
    "Board",
    "Budget",
    "Candidate",
    "Need",
    "Observer",
    "Part",
    "Quiet",
    "Solution",
    "Spent",
    "Strategy",
    "Support",
    "TestCase",
    "find_strategy",
    "refuse_unbound_limits",
    "solve",
    "strategy_names",
]
