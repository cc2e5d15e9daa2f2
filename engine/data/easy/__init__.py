"""Easy tasks: strings, counting, arithmetic, lists and conditions for language models too small for real data sets.

rules   table of the tasks: a phrase, the expression that answers it, and the form of the input
tasks   rules -> problems: inputs that tell every task from all others, and disjoint splits
check   proof of the tests by the reference programs, in the sandbox
"""
