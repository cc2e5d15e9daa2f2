"""The embedded model: the grammar of its small tasks, its corpus, and the recipe that pretrains it.

    python -m engine.nano tasks       rebuild the task splits (seconds)
    python -m engine.nano pretrain    rebuild tokenizer and weights (an hour or two on two CPU cores)

`grammar` composes tasks from parts, `corpus` writes imperfect answers to them the way a base model would,
`pretraining` fits a Qwen3-architecture model of about two million parameters to that corpus.
"""
