"""Wall of live rollouts: the answers being sampled, side by side."""
