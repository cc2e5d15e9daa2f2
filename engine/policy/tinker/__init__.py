"""Training and sampling on a Tinker server: a cluster does the arithmetic, this process keeps the loop.

client     the one user of the `tinker` SDK: models, forward, updates, sampling, saved states
datum      one sequence with its coefficients, and what the server's reduction makes of them
faults     the server's and the SDK's errors as one line with a remedy
transport  the SDK's connection: one origin, bounded replies, bytes counted
requests   requests that the SDK has no method for, through the hardened client of engine.servers
watchdog   thread that notices a dead engine: the SDK would go on retrying
archive    an adapter's archive unpacked safely, with an adapter_config of our own
probes     what is checked on a throw-away model before a run: silent differences between servers

Nothing here loads `tinker` when it is imported.
"""
