"""Standard input and output of a program: as in a real process."""

from __future__ import annotations

import pytest

from engine.sandbox import Executor, Status

TWO_LINES = "3 4\n5 6\n"
STDIO = {
    "input()": ("print(input(), input())", "3 4 5 6\n"),
    "sys.stdin": ("import sys\nprint(sys.stdin.read(), end='')", TWO_LINES),
    "sys.stdin.buffer": ("import sys\nprint(sys.stdin.buffer.read().split())", "[b'3', b'4', b'5', b'6']\n"),
    "open(0)": ("print(len(open(0).read()))", "8\n"),
    "os.read(0)": ("import os\nprint(os.read(0, 3))", "b'3 4'\n"),
    "input() then sys.stdin": ("import sys\na = input()\nprint(a, '|', sys.stdin.read())", "3 4 | 5 6\n\n"),
    "iteration over sys.stdin": ("import sys\nprint([l.strip() for l in sys.stdin])", "['3 4', '5 6']\n"),
    "readline at the end": ("import sys\nsys.stdin.read()\nprint(repr(sys.stdin.readline()))", "''\n"),
    "seek back": ("import sys\nsys.stdin.read(); sys.stdin.seek(0)\nprint(input())", "3 4\n"),
    "prompt of input(...)": ("print(input('n? '))", "n? 3 4\n"),
    "os.write(1)": ("import os\nos.write(1, b'raw\\n')", "raw\n"),
    "buffered, then os.write": (
        "import os\nprint('a', flush=True)\nos.write(1, b'b\\n')\nprint('c')",
        "a\nb\nc\n",
    ),
    "sys.stdout.buffer": ("import sys\nsys.stdout.buffer.write(b'x\\n')", "x\n"),
    "sys.__stdout__": ("import sys\nsys.__stdout__.write('x')", "x"),
    "print(file=sys.stderr) is apart": ("import sys\nprint('e', file=sys.stderr)\nprint('o')", "o\n"),
    "atexit": ("import atexit\natexit.register(print, 'bye')\nprint('hi')", "hi\nbye\n"),
    "thread not joined": (
        "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.05), print('late'))).start()",
        "late\n",
    ),
    "thread with a large stack": (
        "import sys, threading\nsys.setrecursionlimit(10**6)\nthreading.stack_size(64 << 20)\n"
        "def f(n): return 0 if n == 0 else 1 + f(n - 1)\n"
        "t = threading.Thread(target=lambda: print(f(50000)))\nt.start(); t.join()",
        "50000\n",
    ),
    "daemon thread does not hold the end": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(9,), daemon=True).start()\nprint(1)",
        "1\n",
    ),
    "__name__ == '__main__'": ("if __name__ == '__main__': print(__name__)", "__main__\n"),
    "import __main__": ("x = 3\nimport __main__\nprint(__main__.x)", "3\n"),
    "lambda and class at module level": ("class A:\n  n = 2\nprint((lambda: A.n)())", "2\n"),
    "pickle of a main class": (
        "import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))).__name__)",
        "A\n",
    ),
    "quit()": ("print(1)\nquit()\nprint(2)", "1\n"),
    "deep recursion in C": (
        "import sys\nsys.setrecursionlimit(10**6)\n"
        "class A:\n  def __init__(s, n): s.c = A(n - 1) if n else None\nA(15000); print('deep')",
        "deep\n",
    ),
    "stdout is no terminal": ("import sys\nprint(sys.stdout.isatty(), sys.stdin.isatty())", "False False\n"),
    "asyncio": ("import asyncio\nasync def f(): return 5\nprint(asyncio.run(f()))", "5\n"),
    "lazy imports of the stdlib": ("import fractions, decimal\nprint(fractions.Fraction(2, 4))", "1/2\n"),
    "collector is on": ("import gc\nprint(gc.isenabled())", "True\n"),
    "no arguments": ("import sys\nprint(len(sys.argv))", "1\n"),
}


@pytest.mark.parametrize("name", STDIO)
def test_stdio_is_that_of_a_real_process(executor: Executor, name: str) -> None:
    source, expected = STDIO[name]
    (outcome,) = executor.run(source, [TWO_LINES])
    assert (outcome.status, outcome.stdout) == (Status.OK, expected), outcome


def test_input_past_the_end_is_an_error_not_a_wait(executor: Executor) -> None:
    (outcome,) = executor.run("input(); input()", ["only one line"])
    assert outcome.status is Status.RUNTIME_ERROR
    assert "EOFError" in outcome.stderr_tail


@pytest.mark.parametrize("text", ["", "\0", "a\0b\n", chr(0xD800), chr(0xDC80), "é∀🙂", "\r\n", "no newline"])
def test_any_text_may_be_an_input(executor: Executor, text: str) -> None:
    (outcome,) = executor.run("import sys; print(len(sys.stdin.buffer.read()))", [text])
    assert outcome.status is Status.OK
    assert int(outcome.stdout) == len(text.encode("utf-8", "surrogatepass"))


def test_text_comes_back_as_it_went_in(executor: Executor) -> None:
    (outcome,) = executor.run("import sys; sys.stdout.write(sys.stdin.read())", ["é∀🙂\r\n\t"])
    assert outcome.stdout == "é∀🙂\r\n\t"


def test_binary_output_is_a_verdict(executor: Executor) -> None:
    (outcome,) = executor.run("import os; os.write(1, bytes(range(256)))", [""])
    assert outcome.status is Status.OK
    assert outcome.stdout.startswith("\0\x01")


def test_each_input_has_its_own_process_and_answers_keep_their_order(executor: Executor) -> None:
    source = "import sys\nn = input()\nsys.seen = getattr(sys, 'seen', 0) + 1\nprint(n, sys.seen)"
    outcomes = executor.run(source, [str(n) for n in range(150)])
    assert [outcome.stdout for outcome in outcomes] == [f"{n} 1\n" for n in range(150)]


def test_set_order_is_the_same_in_every_cell(executor: Executor) -> None:
    source = "input()\nprint(list({'alpha', 'beta', 'gamma', 'delta', 'epsilon'}))"
    assert len({outcome.stdout for outcome in executor.run(source, [str(n) for n in range(20)])}) == 1


def test_a_large_input_arrives_whole(executor: Executor) -> None:
    (outcome,) = executor.run("print(sum(1 for _ in open(0)))", ["12345678\n" * 2_000_000])
    assert outcome.stdout == "2000000\n", outcome
