"""Start dialog: preset, limits, name and any setting of a new run, with what it will take on this machine."""
