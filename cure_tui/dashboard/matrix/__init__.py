"""Pass matrix: its reading, picture, widget and pane, and one cell in full."""
