"""Evaluations shown: reports found, laid out as sheets, written as text, Markdown, or one file of HTML.

sheet.py      Sheet: one table with its notes; as text of a given width, and as Markdown
accuracy.py   accuracies of evaluations beside published ones, all figures, curves of best of n
costs.py      roles, prices, and the ways that a report's arms allow
strategies.py strategies at equal budgets: tables, and curves of accuracy against tokens
compared.py   two evaluations, paired by task
page.py       all of it as HTML, with the curves drawn
opening.py    reports by name or file
"""
