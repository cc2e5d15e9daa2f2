"""Writers of answers: one protocol for a model in this process, in vLLM, or behind an OpenAI-compatible address.

This package imports no heavy library; `engine.solve.writers.sampled` holds a model.
"""

from engine.solve.writers.writer import Answer, Ask, Message, Stoppable, Writer, first_ask

__all__ = ["Answer", "Ask", "Message", "Stoppable", "Writer", "first_ask"]
