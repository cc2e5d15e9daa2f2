"""Rollouts: a batch of tasks sampled in both roles and executed, with observers of the answers."""
