"""Driver of `cure-tui eval`: sample answers of any model to tasks of any set, execute, judge, report.

request      EvalRequest: who, on what, how; the same type on both sides of the process border
plan         the tasks of a request, and what it will cost
folder       an evaluation's folder, and how one is found again
answers      answers.jsonl: every answer at once, found again by its key
task_result  a filled matrix -> who judged its tests, and which are right
rows         a task's result -> its row of the report
run          sampling, executing, recording, in chunks of tasks; resumable after a kill at any moment
__main__     the process `python -m engine.evaluate`
"""
