"""`cure-tui solve`: reads problems, follows `python -m engine.solve`, shows what happens, prints a program.

reading     files, stdin and CURE JSON -> tasks
client      starts the engine's side and follows its events
picture     a state as rows of spans
live        those rows in the terminal, in place
report      the program, the evidence, the exit status
"""
