"""Writers of answers: one protocol for a model in this process, in vLLM, or behind an OpenAI-compatible address.

This package imports no heavy library; `engine.solve.writers.sampled` holds a model.
"""

from engine.solve.writers.account import Account, Cost
from engine.solve.writers.writer import Answer, Ask, Message, Remote, Stoppable, Waiting, Writer, first_ask

__all__ = ["Account", "Answer", "Ask", "Cost", "Message", "Remote", "Stoppable", "Waiting", "Writer", "first_ask"]
