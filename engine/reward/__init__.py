"""Rewards as pure functions of numpy arrays, free of any framework: the same for training, evaluation and solving.

pass_matrix  verdicts of one task, and the ONE definition of a right test, a judged test, best of n, clusters
rewards      pass matrix -> rewards of coder and tester -> advantages
testers      registry of tester rewards, one file a variant
trust        how far the generated tests can be trusted
"""
