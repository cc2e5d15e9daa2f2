"""Starting of runs: what is ready to run, and what runs already."""
