"""`cure-tui solve`: read problems, run `python -m engine.solve`, show its progress, print a program.

run         one request from start to exit status: read this first
reading     files, stdin and CURE JSON -> problems
checking    --check: a problem as it was read
who         the model for both roles
client      the engine's process and its events
picture     a state as rows of spans
live        those rows in the terminal, in place
full        the full-screen app
record      a state for the dashboard's matrix and cell views
own_program --test: the user's program, and the tests that it fails
report      program, evidence, exit status
"""
