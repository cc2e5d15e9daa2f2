"""Untrusted side of the sandbox. Standalone: a bare interpreter runs it, and it imports only the standard library.

Three generations of processes, each forked from the one above and each with less power:
    zygote   one per cell: warm interpreter, confined once, waits for requests          (zygote.py)
    host     one per request: compiles the program under limits, starts its executions  (host.py)
    program  one per input: limits, Landlock, seccomp, then the untrusted code          (program.py)
bottom.py hides the sandbox from the program, ending.py shuts it down as CPython would.
Only `program` runs untrusted code. It holds only the descriptors 0, 1 and 2 and can start no process.
"""
