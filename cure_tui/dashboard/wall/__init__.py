"""Wall of live rollouts."""
