"""Rewards as pure functions of numpy arrays, shared by training, evaluation and solving.

pass_matrix  verdicts of one task, and the ONE definition of a right test, a judged test, best of n, clusters
rewards      pass matrix -> rewards of coder and tester -> advantages
consensus    votes of the tests and agreement of the programs together
presumed_labels  labels from programs and tests that agree, without any label
validity     judgement of generated tests by reference programs
mode         words for where a run's rewards come from
testers      registry of tester rewards, one file per variant
trust        reliability of the generated tests: p_u, p_01, p_00, mu
"""
