"""Pass matrix: how it is read and drawn, its pane, and one cell in full."""
