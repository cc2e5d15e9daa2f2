"""`cure-tui solve`: read problems, run `python -m engine.solve`, show its progress, print a program.

run         one request from start to exit status: read this first
reading     files, stdin and CURE JSON -> problems
checking    --check: a problem as it was read
choice      models and options: the command line's, the saved default's, or nano's
who         the model for both roles
default     the user's default, saved by --save-default
at_hand     other models of this machine, for a hint where nano fails
client      the engine's process and its events
kept        the same in a process that keeps its model: --keep
picture     a state as rows of spans
live        those rows in the terminal, in place
full        the full-screen app
record      a state for the dashboard's matrix and cell views
own_program --test: the user's program, and the tests that it fails
report      program, evidence, exit status
"""
