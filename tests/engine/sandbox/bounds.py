"""Limits of programs in these tests."""

from __future__ import annotations

from engine.sandbox import Limits

# Generous in time: a slow or busy machine must not change the verdict on a program that ends by itself (zeroing 256 MB
# alone has taken 0.3 s). Programs that never end get SHORT_CPU instead.
LIMITS = Limits(cpu_seconds=10.0, memory_mb=256, output_kb=64)
SHORT_CPU = 0.3
