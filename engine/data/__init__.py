"""Published sets of tasks: found, fetched, converted to problems of this project, and checked."""
