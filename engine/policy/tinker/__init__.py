"""Training and sampling on a Tinker server: a cluster does the arithmetic, this process keeps the loop. See README.md.

Of a run:
learner      the `Learner` whose model is on the server
loss         loss of an update as coefficients that every server trains alike
reference    base model's log-probs, for the KL
sampler      the `Sampler` of the same weights, with its canary
saved        what a checkpoint's folder says of a state on the server
held_models  names of a run's models, so that a resumed one can unload a killed one's
probes       what is checked on a throw-away model before a run: silent differences between servers

Of a server:
client       models, forward, updates, sampling, saved states
datum, wire  one sequence with its coefficients, what the server's reduction makes of them, and the SDK's form of it
connection   the SDK, the session, the watchdog: the one file that imports `tinker`, and not before it is needed
transport    the SDK's connection: one origin, bounded replies, bytes counted
requests     requests that the SDK has no method for, through the hardened client of engine.servers
watchdog     thread that notices a dead engine: the SDK would go on retrying
faults       the server's and the SDK's errors as one line with a remedy
archive      an adapter's archive unpacked safely, with an adapter_config of our own
"""
