"""Held-out evaluation: per-task results in, accuracies with intervals out. Runs no model.

summary.py    EvalSummary, Estimate: the figures over all tasks, to and from JSON; imports no numpy
results.py    TaskResult, judge_tests_*: samples and verdicts of one task
metrics.py    the metrics of one task, `summarise` over all of them
intervals.py  Bootstrap: mean, standard error, 95 % interval over tasks
bootstrap.py  estimates: the same for reports, 10,000 resamples, by cluster, Wilson's interval for shares of tasks
passk.py      pass_at_k, unbiased
paired.py     difference: two evaluations task by task, and what a run of this size can show
paper.py      published_rows: CURE's table
report.py     Report, TaskRow, Totals: the typed report of `cure-tui eval`, to and from JSON
totals.py     totals: rows of tasks to figures over all of them
table.py      format_table: start against end as plain text
"""
