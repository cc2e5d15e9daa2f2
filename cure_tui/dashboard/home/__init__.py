"""Home screen: presets, the machine, and the list of runs."""
