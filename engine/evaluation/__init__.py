"""Held-out evaluation: per-task results in, accuracies with intervals out. Runs no model.

summary.py    EvalSummary, Estimate: the figures over all tasks, to and from JSON; light, for whoever reads runs
results.py    TaskResult, judge_tests_*: what one task's samples and verdicts amount to
metrics.py    the metrics of one task, `summarise` over all of them
intervals.py  Bootstrap: mean, standard error, 95 % interval over tasks
table.py      format_table: start against end as plain text
"""
