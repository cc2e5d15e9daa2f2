"""Idioms that read standard input and write standard output: name -> source."""

from __future__ import annotations

READING = {
    "input and map": "n = int(input())\nprint(sum(map(int, input().split())) * n)",
    "sys.stdin.readline": "import sys\nn = int(sys.stdin.readline())\nprint(n, sys.stdin.readline().split())",
    "sys.stdin.read().split()": "import sys\nprint(sys.stdin.read().split())",
    "sys.stdin.buffer.read()": "import sys\nprint(sys.stdin.buffer.read())",
    "sys.stdin.buffer.readline": "import sys\ninput = sys.stdin.buffer.readline\nprint(int(input()), input().split())",
    "readlines": "import sys\nprint([line.rstrip() for line in sys.stdin.readlines()])",
    "lines of stdin": "import sys\nfor line in sys.stdin: print(line.strip()[::-1])",
    "enumerate of stdin": "import sys\nfor n, line in enumerate(sys.stdin, 1): print(n, line, end='')",
    "open(0)": "print(open(0).read().count('\\n'))",
    "open(0) unpacked": "n, *rest = open(0)\nprint(n, rest)",
    "open(0, 'rb')": "print(open(0, 'rb').read()[:3])",
    "os.read(0)": "import os\nprint(os.read(0, 1000))",
    "io.BytesIO of os.read": (
        "import io, os\ninput = io.BytesIO(os.read(0, os.fstat(0).st_size or 999)).readline\nprint(input(), input())"
    ),
    "input until EOFError": "a = []\ntry:\n  while True: a.append(input())\nexcept EOFError: print(a)",
    "iter(input, '')": "try:\n  for line in iter(input, ''): print(line)\nexcept EOFError: print('end')",
    "input past the end": "for _ in range(9): input()",
    "input then sys.stdin": "import sys\nprint(input(), list(sys.stdin))",
    "sys.stdin.readable and friends": (
        "import sys\ns = sys.stdin\nprint(s.readable(), s.writable(), s.encoding, s.errors)"
    ),
    "sys.stdin.fileno": "import sys\nprint(sys.stdin.fileno(), sys.stdout.fileno(), sys.stderr.fileno())",
    "names and modes": (
        "import sys\nprint(sys.stdin.name, sys.stdin.mode, sys.stdout.name, sys.stdout.mode, sys.stderr.name)"
    ),
    "closed stdin": "import sys\nsys.stdin.close()\ninput()",
    "stdin = None": "import sys\nsys.stdin = None\ninput()",
    "StringIO as stdin": "import io, sys\nsys.stdin = io.StringIO('7\\n')\nprint(input())",
    "open of a missing file": "open('input.txt')",
    "try open, else stdin": (
        "try: f = open('input.txt')\nexcept OSError: import sys; f = sys.stdin\nprint(f.readline())"
    ),
    "os.path.exists": "import os\nprint(os.path.exists('input.txt'), os.path.isfile('data.in'))",
    "fileinput": "import fileinput\nfor line in fileinput.input(): print(fileinput.lineno(), line, end='')",
    "/dev/stdin": "print(open('/dev/stdin').read())",
    "/dev/stdin by os.open": "import os\nprint(os.read(os.open('/dev/stdin', os.O_RDONLY), 99))",
    "/dev/fd/0": "print(open('/dev/fd/0').readline())",
    "/dev/null": "print(repr(open('/dev/null').read()))",
    "prompt": "x = input('number? ')\nprint(x)",
    "select on stdin": "import select, sys\nprint(bool(select.select([sys.stdin], [], [], 1)[0]))",
    "isatty": "import os, sys\nprint(sys.stdin.isatty(), sys.stdout.isatty(), os.isatty(2))",
    "detach": "import io, sys\ns = io.TextIOWrapper(sys.stdin.detach(), 'utf-8')\nprint(s.read())",
    "reconfigure": "import sys\nsys.stdin.reconfigure(encoding='latin-1')\nprint(input())",
}

WRITING = {
    "print": "print(1, 'a', None, sep='-', end='!\\n')",
    "print to stderr": "import sys\nprint('e', file=sys.stderr)\nprint('o')",
    "sys.stdout.write": "import sys\nprint(sys.stdout.write('abc\\n'))",
    "sys.stdout.writelines": "import sys\nsys.stdout.writelines(f'{n}\\n' for n in range(3))",
    "sys.stdout.buffer.write": "import sys\nsys.stdout.buffer.write(b'xyz\\n')",
    "buffer before text": "import sys\nprint('text')\nsys.stdout.buffer.write(b'bytes\\n')",
    "os.write": "import os\nos.write(1, b'raw\\n')\nprint('x')",
    "stdout opened anew": "out = open(1, 'w')\nprint(3, file=out)",
    "stdout opened anew and closed": "with open(1, 'w') as out: print(3, file=out)",
    "stdout opened without closefd": "out = open(1, 'w', closefd=False)\nprint(3, file=out)\nprint(4)",
    "os.fdopen": "import os\nout = os.fdopen(1, 'w')\nout.write('x\\n')",
    "binary fdopen": "import os\nout = os.fdopen(1, 'wb')\nout.write(b'x\\n')",
    "fdopen in a function": "import os\ndef main():\n  out = os.fdopen(1, 'w')\n  out.write('x\\n')\nmain()",
    "file in a cycle": (
        "import os\nclass A: pass\na = A()\na.me = a\na.out = os.fdopen(1, 'w')\na.out.write('c\\n')\ndel a"
    ),
    "file in a class": "class A: out = open(1, 'w')\nA.out.write('class\\n')",
    "file in a default argument": "def f(out=open(1, 'w')): out.write('d\\n')\nf()",
    "file in a closure": "def g():\n  out = open(1, 'w')\n  return lambda s: out.write(s)\nw = g()\nw('c\\n')",
    "file in a list": (
        "outs = [open(1, 'w', closefd=False) for _ in range(3)]\nfor n, o in enumerate(outs): o.write(f'{n}\\n')"
    ),
    "file in a module": "import builtins\nbuiltins.out = open(1, 'w')\nout.write('m\\n')",
    "file in sys": "import sys\nsys.out = open(1, 'w')\nsys.out.write('s\\n')",
    "file in a thread": (
        "import threading\ndef f():\n  global o\n  o = open(1, 'w')\n  o.write('t\\n')\n"
        "t = threading.Thread(target=f)\nt.start()"
    ),
    "sys.stdout replaced": "import sys\nsys.stdout = open(1, 'w')\nprint('new')",
    "sys.stdout replaced by StringIO": "import io, sys\nsys.stdout = io.StringIO()\nprint('lost')",
    "StringIO written at the end": (
        "import io, sys\nold, sys.stdout = sys.stdout, io.StringIO()\nprint('kept')\nold.write(sys.stdout.getvalue())"
    ),
    "StringIO and atexit": (
        "import atexit, io, sys\nb = io.StringIO()\nsys.stdout = b\n"
        "atexit.register(lambda: sys.__stdout__.write(b.getvalue()))\nprint('kept')"
    ),
    "__stdout__": "import sys\nsys.__stdout__.write('x\\n')\nsys.stdout = None",
    "both replaced": "import sys\nsys.stdout = sys.__stdout__ = open(1, 'w')\nprint('both')",
    "line-buffered stdout": (
        "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer, line_buffering=True)\nprint('l')"
    ),
    "TextIOWrapper over buffer": (
        "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='utf-8')\nprint('é')"
    ),
    "detached stdout": "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.detach(), 'utf-8')\nprint('d')",
    "writer class": (
        "import sys\nclass W:\n  def __init__(s): s.b = []\n  def write(s, x): s.b.append(x)\n"
        "  def flush(s): sys.__stdout__.write(''.join(s.b))\nsys.stdout = W()\nprint('w')"
    ),
    "fast output of Codeforces": (
        "import os, sys\nfrom io import BytesIO, IOBase\n"
        "class F(IOBase):\n  newlines = 0\n  def __init__(s, f):\n    s._fd = f.fileno(); s.buffer = BytesIO()\n"
        "    s.write = s.buffer.write\n  def flush(s): os.write(s._fd, s.buffer.getvalue())\n"
        "class W(IOBase):\n  def __init__(s, f):\n    s.buffer = F(f); s.flush = s.buffer.flush\n"
        "    s.write = lambda x: s.buffer.write(x.encode())\nsys.stdout = W(sys.stdout)\nprint('fast')"
    ),
    "writer without flush": "import sys\nclass W:\n  def write(s, x): pass\nsys.stdout = W()\nprint('w')",
    "flush that raises": (
        "import sys\nclass W:\n  def write(s, x): pass\n  def flush(s): raise ValueError('f')\nsys.stdout = W()\n"
        "print()"
    ),
    "closed stdout": "import sys\nprint('before')\nsys.stdout.close()",
    "print after close": "import sys\nsys.stdout.close()\nprint('x')",
    "os.close(1)": "import os\nprint('lost')\nos.close(1)",
    "os.close(2) and an error": "import os\nos.close(2)\n1/0",
    "stdout = None": "import sys\nsys.stdout = None\nprint('x')",
    "stderr = None and an error": "import sys\nsys.stderr = None\nraise ValueError",
    "del sys.stdout": "import sys\ndel sys.stdout\nprint('x')",
    "surrogate": "print('\\udc80')",
    "emoji": "print('🙂', 'é∀')",
    "CRLF": "print('a\\r\\nb\\r')",
    "NUL": "print('a\\0b')",
    "end=''": "print('x', end='')",
    "pprint": "import pprint\npprint.pprint({'b': [1] * 30, 'a': {'c': 2}})",
    "redirect_stdout": (
        "import contextlib, io\nb = io.StringIO()\nwith contextlib.redirect_stdout(b): print('in')\n"
        "print(repr(b.getvalue()))"
    ),
    "dup2": "import os\nos.dup2(1, 2)\nimport sys\nprint('err', file=sys.stderr)\nprint('out')",
    "dup of stdout": "import os\no = os.fdopen(os.dup(1), 'w')\no.write('dup\\n')",
    "large output": "print('x' * 50000)",
    "write and exit": "import sys\nsys.stdout.write('no newline')\nsys.exit()",
    "print in __del__": "class A:\n  def __del__(s): print('gone')\na = A()",
    "__del__ in a cycle": "class A:\n  def __init__(s): s.me = s\n  def __del__(s): print('cycle')\nA()",
    "__del__ order": (
        "class A:\n  def __init__(s, n): s.n = n\n  def __del__(s): print(s.n)\na, b, c = A(1), A(2), A(3)"
    ),
    "__del__ with functions": (
        "def f(): pass\nclass A:\n  def __init__(s, n): s.n = n\n  def __del__(s): f(); print(s.n)\nz, y = A(1), A(2)"
    ),
    "__del__ that writes to a file": (
        "class A:\n  def __init__(s): s.o = open(1, 'w')\n  def __del__(s): s.o.write('f\\n')\na = A()"
    ),
    "__del__ that raises": "class A:\n  def __del__(s): raise ValueError('in del')\na = A()",
    "__del__ of a global that a module keeps": "import math\nclass A:\n  def __del__(s): print('kept')\nmath.a = A()",
    "weakref.finalize": "import weakref\nclass A: pass\na = A()\nweakref.finalize(a, print, 'finalized')",
    "weakref callback": "import weakref\nclass A: pass\na = A()\nr = weakref.ref(a, lambda _: print('dead'))\ndel a",
    "generator left open": "def g():\n  try: yield 1\n  finally: print('closed')\nx = g()\nnext(x)",
    "context manager left open": (
        "import contextlib\n@contextlib.contextmanager\ndef c():\n  try: yield\n  finally: print('left')\nx = c()\n"
        "x.__enter__()"
    ),
    "gc disabled": "import gc\ngc.disable()\nclass A:\n  def __del__(s): print('gc')\na = A()\na.a = a",
    "gc.freeze": "import gc\nclass A: pass\na = A()\na.o = open(1, 'w')\na.o.write('frozen\\n')\ngc.freeze()",
    "many objects at the end": (
        "a = [[n] for n in range(20000)]\nclass A:\n  def __del__(s): print('many')\na.append(A())\na.append(a)"
    ),
}
