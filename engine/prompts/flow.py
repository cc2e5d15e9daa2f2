"""Prompts of the stages around a program: reflection, plans, a choice of one, tests, analysis, and a form asked again.

Every answer is free text, or holds labelled blocks (`engine.prompts.forms`): small models fail at stricter formats.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.problems import IOExample, Problem
from engine.prompts.dialogue import shortened
from engine.prompts.fences import fence

Messages = tuple[dict[str, str], ...]

PLANS_FORM = "a block under **Plan 1:**, and one for every further plan"
PLAN_FORM = "a block under **Plan:**"
TESTS_FORM = "a block under **Test Input 1:** and one under **Test Output 1:**, and so on for every test"
PROGRAM_FORM = "a whole program in a block that opens with ```python and closes with ```"
INPUTS_FORM = "a block under **Input 1:**, and one for every further input"
CHOICE_FORM = "the line **Choice:** with the word first, second or equal"

_REFLECT = """\
Read the following programming problem. You do not have to solve it in code.

{statement}
{examples}
Say in a few points what is to be computed: the aim, how input and output are laid out, the rules, the limits, and \
what is easily overlooked. Then explain for every example, step by step, why its input leads to its output.
"""

_PLANS = """\
Read the following programming problem. Do not write code yet.

{statement}
{notes}
Describe {count} different ways to solve it. For each give a name, the idea, why it works, and its cost in time and \
memory. Leave out brute force unless the limits allow it. Close with the plans, each in exactly this form, numbered \
from 1:

**Plan 1:**
```
name, idea, why it works, cost
```
"""

_CHOOSE = """\
Read the following programming problem, and several plans to solve it.

{statement}
{notes}
{plans}
Choose the plan that solves the problem most surely: it has to be right, simple and robust, and to end within the time \
limit; it need not be the fastest. Then work it out: its steps in order, and how they lead from the input of each \
example to its output. Close with the chosen plan, in exactly this form:

**Plan:**
```
the name, why it was chosen, and the steps in order
```
"""

_TESTS = """\
Read the following programming problem. You do not have to solve it in code.

{statement}
{notes}
Write {count} tests, from easy to hard, none of them an example of the problem: ordinary cases, edge cases, \
misreadings, and one that is larger than the others. Work every output out by hand, step by step. Close with the \
tests, each in exactly this form, numbered from 1:

**Test Input 1:**
```
everything the program reads, as it would be typed
```

**Test Output 1:**
```
everything the program must print, and nothing more
```
"""

_TESTS_AGAIN = """\
Look at every test once more: work its output out anew from the problem's text, and say what was wrong, if anything \
was. Then give all tests again, in the same form, corrected where they were wrong.
"""

_PLANNED = """\

Notes on the problem:
{notes}

Work by this plan, in short functions with telling names, unless you find it wrong:
{plan}
"""

_MISTAKES = """\
Read the following programming problem, and a plan to solve it. Do not write code.

{statement}

Plan:
{plan}

How could a programmer implement this plan wrongly? Name the likeliest mistake, and a short input on which it shows.
"""

_AIMED = """\

Aim the test at this mistake:
{mistake}
"""

_ANALYSE = """\
Your program does not pass this example.

Input:
{input}

Expected output:
{expected}

What your program did: {happened}
{got}
Do not write code yet. Say what the program does wrong on this input, step by step, and how its steps must change.
"""

_CODE = f"""\
Now write the corrected program by this analysis. Close with {PROGRAM_FORM}. It must work out every answer from what \
it reads: do not write an example's values into it.
"""

_FORM_AGAIN = """\
Your answer {wrong}. Give it once more, shortly, and close with {form}.
"""


def reflection_messages(problem: Problem) -> Messages:
    """Ask for the problem in points, and why each example's input leads to its output."""
    return _user(_REFLECT.format(statement=problem.statement.strip(), examples=_examples(problem.public)))


def plans_messages(problem: Problem, notes: str, count: int) -> Messages:
    """Ask for `count` plans. notes: a reflection on the problem, or ""."""
    return _user(_PLANS.format(statement=problem.statement.strip(), notes=_notes(notes), count=count))


def choice_of_plan_messages(problem: Problem, notes: str, plans: Sequence[str]) -> Messages:
    """Ask for the plan that solves the problem most surely, worked out."""
    shown = "\n".join(f"Plan {number}:\n{fence(shortened(plan))}\n" for number, plan in enumerate(plans, 1))
    return _user(_CHOOSE.format(statement=problem.statement.strip(), notes=_notes(notes), plans=shown))


def tests_messages(problem: Problem, notes: str, count: int) -> Messages:
    """Ask for `count` tests in one answer."""
    return _user(_TESTS.format(statement=problem.statement.strip(), notes=_notes(notes), count=count))


def tests_again_messages(answer: str) -> Messages:
    """Continue with the tester's answer, and ask for its tests once more."""
    return ({"role": "assistant", "content": answer}, *_user(_TESTS_AGAIN))


def mistakes_messages(problem: Problem, plan: str) -> Messages:
    """Ask how a plan could be implemented wrongly, and which input would show it."""
    return _user(_MISTAKES.format(statement=problem.statement.strip(), plan=fence(shortened(plan))))


def with_plan(first: Sequence[dict[str, str]], plan: str, notes: str = "") -> Messages:
    """Add a plan, and notes on the problem, to the last message of a coder's first question."""
    return _extended(first, _PLANNED.format(plan=fence(shortened(plan)), notes=shortened(notes) or "none"))


def with_aim(first: Sequence[dict[str, str]], mistake: str) -> Messages:
    """Add the mistake that a test is to show to the last message of a tester's first question."""
    return _extended(first, _AIMED.format(mistake=shortened(mistake)))


def analysis_messages(source: str, stdin: str, expected: str, happened: str, stdout: str) -> Messages:
    """Continue with a program and an example that it fails, and ask what is wrong, without code."""
    got = f"It printed:\n{fence(shortened(stdout))}\n" if stdout.strip() else ""
    request = _ANALYSE.format(
        input=fence(shortened(stdin)), expected=fence(shortened(expected)), happened=happened, got=got
    )
    return ({"role": "assistant", "content": f"```python\n{source.strip()}\n```"}, *_user(request))


def code_messages(analysis: str) -> Messages:
    """Continue with an analysis, and ask for the program that follows from it."""
    return ({"role": "assistant", "content": shortened(analysis)}, *_user(_CODE))


def form_messages(answer: str, wrong: str, form: str) -> Messages:
    """Continue with an answer that does not hold the form asked for. wrong: what it "does not" or "was", in words."""
    shown = shortened(answer.strip()) or "(no answer)"  # servers refuse an empty message
    return ({"role": "assistant", "content": shown}, *_user(_FORM_AGAIN.format(wrong=wrong, form=form)))


def _examples(public: Sequence[IOExample]) -> str:
    shown = [
        f"Example {number}\nInput:\n{fence(shortened(example.input))}\nOutput:\n{fence(shortened(example.output))}\n"
        for number, example in enumerate(public, 1)
    ]
    return "\n" + "\n".join(shown) if shown else ""


def _notes(notes: str) -> str:
    return f"\nNotes on the problem:\n{shortened(notes)}\n" if notes.strip() else ""


def _extended(first: Sequence[dict[str, str]], more: str) -> Messages:
    *before, last = first
    return (*before, last | {"content": f"{last['content'].rstrip()}\n{more}".strip()})


def _user(content: str) -> Messages:
    return ({"role": "user", "content": content.strip()},)
