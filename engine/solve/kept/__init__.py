"""Kept process: loaded models that stay for the next solve (`cure-tui solve --keep 15m`), behind an owner-only socket.

place       folder, socket and lock of a kept process; connections to it, checked for their user
identity    what a process is asked to load (its name), and what that was when it was loaded
server      the process: one solve after the other, until it was unused for its time

Both sides speak lines of JSON. The client begins with one of:

    {"solve": REQUEST, "identity": ..., "keep": seconds or null, "environment": ..., "folder": ...}
    {"status": true}
    {"end": true}

A solve is answered by `waiting` (pid: of the solve before it), `refused` (differs: parts of the identity; ending: false
while it is busy), or `accepted` and then the events of `engine.solve.events`; `{"conclude": true}` is the client's
Ctrl-C. A client that leaves ends its solve, never the process. "end" and "status" are answered by the process's status.
"""
