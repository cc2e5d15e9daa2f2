"""The dashboard in a browser: a web server on this machine, and a dashboard's process a page."""
