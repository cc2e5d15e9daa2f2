"""Sampling in this process: a decoding loop over a transformers model."""
