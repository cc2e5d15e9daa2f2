"""Ways to spend coder, tester and executor on one problem: each takes a Bench and gives back a Solution.

    strategy = find_strategy("bon")
    solution = strategy.solve(bench)

A strategy is one file with one class. What they share: `board` (programs x tests as they come in), `bench` (who
writes, who runs, what may be spent), `gathering` (samples and executes at once), `evidence` (what is said in the end).
"""

from engine.solve.strategies.bench import Bench, Observer, Quiet
from engine.solve.strategies.board import Board, TestCase
from engine.solve.strategies.budget import Budget, Spent
from engine.solve.strategies.evidence import Candidate, Solution, Support
from engine.solve.strategies.protocol import Strategy, find_strategy, strategy_names

__all__ = [
    "Bench",
    "Board",
    "Budget",
    "Candidate",
    "Observer",
    "Quiet",
    "Solution",
    "Spent",
    "Strategy",
    "Support",
    "TestCase",
    "find_strategy",
    "strategy_names",
]
