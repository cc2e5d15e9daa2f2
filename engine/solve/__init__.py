"""One problem, one program: `python -m engine.solve` holds the models, whoever asked reads events from its stdout.

request     what is asked (JSON on stdin)
events      what is told (a JSON object a line on stdout)
opening     from a word such as "run:my-run" to a writer; loads what it needs and nothing else
"""
