"""Dashboard of training runs, one folder per subject: its reading, picture, widget, pane and screen."""
