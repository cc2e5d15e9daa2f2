"""Results of a run: its figures at start and end, the tasks that got worse or still fail, and every answer to them."""
