"""Run screen: header, views, step slider, and the commands that an engine takes."""
