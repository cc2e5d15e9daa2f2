"""The views of the run screen, one file each: a snapshot and a step in, widgets brought up to date."""
