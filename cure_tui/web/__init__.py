"""Dashboard in a browser: a web server on this machine, and one dashboard process per page."""
