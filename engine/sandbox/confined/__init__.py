"""The side that runs untrusted programs. Standalone: it is started with a bare interpreter and imports only
the stdlib.

Three generations of processes, each forked from the one above and each with less power:
    zygote   one a cell: warm interpreter, confined once, waits for requests            (zygote.py)
    host     one a request: compiles the program under limits, starts its executions    (host.py)
    program  one an input: limits, Landlock, seccomp, then the untrusted code           (program.py)
Only `program` runs untrusted code; it holds no descriptor but 0, 1 and 2, and can start no process.
"""
