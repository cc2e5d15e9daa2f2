"""The tiny models of `tests.engine.tiny_models` as fixtures."""

from tests.engine.tiny_models import make_model, make_policy, make_samples_fixture, model_folder, tokenizer

__all__ = ["make_model", "make_policy", "make_samples_fixture", "model_folder", "tokenizer"]
