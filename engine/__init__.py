"""What learns and solves: problems in, a better coder and tester out. Knows nothing of any user interface.

Shape suffixes, used in every array name of this package:
    n programs, m generated tests, t ground-truth tests, k members of one group (task x role),
    b sequences, s positions, v vocabulary
so `generated_nm[j, k]` is True where program j passes generated test k.
"""
