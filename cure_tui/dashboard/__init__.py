"""The dashboard, one folder a subject: reading, picture, widget, pane and screen side by side."""
