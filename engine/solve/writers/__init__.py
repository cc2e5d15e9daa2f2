"""Who answers: one protocol for a model in this process, behind vLLM, or behind any OpenAI-compatible address.

Everything here is light; `engine.solve.writers.sampled` is what holds a model.
"""

from engine.solve.writers.writer import Answer, Ask, Message, Writer, first_ask

__all__ = ["Answer", "Ask", "Message", "Writer", "first_ask"]
