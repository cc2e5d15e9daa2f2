"""Solver: `python -m engine.solve` holds the models and finds a program for each problem; clients read its events.

request     SolveRequest: the problems and options (JSON on stdin)
events      the results (one JSON object a line on stdout)
cells       verdicts as they arrive, for readers of the events
fates       what became of answers, in words
kept        a process that holds its models for the next request
opening     from a spec such as "run:my-run" to a writer; loads only what that needs
"""
