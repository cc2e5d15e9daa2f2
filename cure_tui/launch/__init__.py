"""Start of runs: presets and their checks, folders, the question to the user, the engine's process."""
