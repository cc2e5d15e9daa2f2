"""Engine that trains and solves: problems in, a better coder and tester out. It knows no user interface.

Read `engine/train/step.py` first: one step of CURE from top to bottom. From there, `rollouts/rollout.py` samples and
executes, `reward/` judges, `policy/update.py` updates the weights. pyproject.toml holds the layers of the packages.

Shape suffixes, used in every array name of this package:
    n programs, m generated tests, t ground-truth tests, k members of one group (task x role),
    b sequences, s positions, v vocabulary
so `generated_nm[j, k]` is True where program j passes generated test k.
"""
