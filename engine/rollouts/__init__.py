"""Rollouts of a batch of tasks: sampling in both roles, execution, observers of the answers."""
