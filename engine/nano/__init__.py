"""Recipe of the embedded model: the grammar of its small tasks, its corpus, and its pretraining.

    python -m engine.nano tasks       rebuild the task splits (seconds)
    python -m engine.nano pretrain    rebuild tokenizer and weights (one to two hours on two CPU cores)

`grammar` composes tasks from parts, `corpus` writes imperfect answers to them, as a base model would, and `pretraining`
fits a model of the Qwen3 architecture with about two million parameters to that corpus.
"""
