"""Idioms of real programs for the differential suite: name -> source. All of them read INPUT."""

from __future__ import annotations

from tests.engine.sandbox.idioms_of_streams import READING, WRITING

INPUT = "3\n1 2 3\nabc def\n4 5 6\n"

ENDING = {
    "end of file": "",
    "exit()": "exit()",
    "exit(3)": "exit(3)",
    "quit('bye')": "quit('bye')",
    "sys.exit(0)": "import sys\nsys.exit(0)",
    "sys.exit(True)": "import sys\nsys.exit(True)",
    "sys.exit(256 + 7)": "import sys\nsys.exit(263)",
    "sys.exit(-1)": "import sys\nsys.exit(-1)",
    "sys.exit(2 ** 70)": "import sys\nsys.exit(2 ** 70)",
    "sys.exit('text')": "import sys\nsys.exit('text')",
    "sys.exit((1, 2))": "import sys\nsys.exit((1, 2))",
    "sys.exit(None)": "import sys\nsys.exit(None)",
    "raise SystemExit": "raise SystemExit",
    "raise SystemExit(4)": "raise SystemExit(4)",
    "own SystemExit": "class E(SystemExit): code = 5\nraise E",
    "os._exit(6)": "import os\nprint('lost')\nos._exit(6)",
    "os._exit after flush": "import os, sys\nprint('kept')\nsys.stdout.flush()\nos._exit(0)",
    "os.abort": "import os\nos.abort()",
    "kills itself": "import os, signal\nprint('x', flush=True)\nos.kill(os.getpid(), signal.SIGTERM)",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "own KeyboardInterrupt": "class K(KeyboardInterrupt): pass\nraise K",
    "zero division": "1/0",
    "message of two lines": "raise ValueError('a\\nb')",
    "exception without text": "raise ValueError",
    "own exception": "class E(Exception):\n  def __str__(s): return 'mine'\nraise E",
    "exception whose str raises": "class E(Exception):\n  def __str__(s): 1/0\nraise E",
    "exception group": "raise ExceptionGroup('g', [ValueError(1), TypeError(2)])",
    "note": "e = ValueError('x')\ne.add_note('a note')\nraise e",
    "chained": "try: 1/0\nexcept ZeroDivisionError as e: raise ValueError('v') from e",
    "in context": "try: 1/0\nexcept ZeroDivisionError: raise KeyError('k')",
    "assert": "assert 1 == 2, 'unequal'",
    "name error with a suggestion": "value = 1\nvalu",
    "attribute error": "import math\nmath.squareroot",
    "import error": "import nothing_of_this_name",
    "index error": "[][0]",
    "key error": "{}['k']",
    "type error": "1 + '1'",
    "unicode error": "b'\\xff'.decode()",
    "recursion error": "def f(): f()\nf()",
    "memory error": "raise MemoryError",
    "stop iteration": "next(iter([]))",
    "generator exit": "raise GeneratorExit",
    "bare raise": "raise",
    "error after output": "print('so far')\n[][1]",
    "error in a thread": (
        "import threading\nt = threading.Thread(target=lambda: 1/0, name='T')\nt.start(); t.join()\nprint('on')"
    ),
    "exit in a thread": (
        "import sys, threading\nt = threading.Thread(target=sys.exit, args=(3,))\nt.start(); t.join()\nprint('on')"
    ),
    "excepthook": "import sys\nsys.excepthook = lambda t, e, tb: print('hook', t.__name__, e)\n1/0",
    "excepthook that raises": "import sys\ndef h(*a): raise ValueError('in hook')\nsys.excepthook = h\n1/0",
    "excepthook that exits": "import sys\nsys.excepthook = lambda *a: sys.exit(9)\n1/0",
    "excepthook = None": "import sys\nsys.excepthook = None\n1/0",
    "del excepthook": "import sys\ndel sys.excepthook\n1/0",
    "unraisablehook": (
        "import sys\nsys.unraisablehook = lambda u: print('un', u.exc_type.__name__)\nclass A:\n"
        "  def __del__(s): 1/0\nA()"
    ),
    "threading.excepthook": (
        "import threading\nthreading.excepthook = lambda a: print(a.exc_type)\n"
        "t = threading.Thread(target=lambda: 1/0)\nt.start(); t.join()"
    ),
    "atexit": "import atexit\natexit.register(print, 'bye')\nprint('hi')",
    "atexit order": "import atexit\nfor n in range(3): atexit.register(print, n)",
    "atexit after an error": "import atexit\natexit.register(print, 'bye')\n1/0",
    "atexit after exit": "import atexit, sys\natexit.register(print, 'bye')\nsys.exit(2)",
    "atexit that raises": "import atexit\natexit.register(lambda: 1/0)\natexit.register(print, 'first')",
    "atexit that exits": "import atexit, sys\natexit.register(sys.exit, 4)",
    "atexit in atexit": "import atexit\natexit.register(lambda: atexit.register(print, 'inner'))",
    "atexit unregister": "import atexit\natexit.register(print, 'x')\natexit.unregister(print)",
    "atexit with sys.last_value": "import atexit, sys\natexit.register(lambda: print(repr(sys.last_value)))\n1/0",
    "atexit opens a file": (
        "import atexit\n@atexit.register\ndef f():\n  global o\n  o = open(1, 'w')\n  o.write('late\\n')"
    ),
    "thread still running": (
        "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.05), print('late'))).start()\n"
        "print('main')"
    ),
    "daemon thread": (
        "import threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(5), print('never')), daemon=True).start()\nprint('main')"
    ),
    "timer": "import threading\nthreading.Timer(0.02, print, ('timer',)).start()",
    "thread pool": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(2) as p: print(list(p.map(abs, [-1, -2])))"
    ),
    "thread pool left open": (
        "from concurrent.futures import ThreadPoolExecutor\np = ThreadPoolExecutor(2)\np.submit(print, 'pooled')"
    ),
    "syntax error": "def (",
    "indentation error": "if 1:\nprint()",
    "null byte": "x = '\\0'\nprint(len(x))",
    "asyncio": "import asyncio\nasync def f():\n  await asyncio.sleep(0.01)\n  return 5\nprint(asyncio.run(f()))",
    "asyncio gather": (
        "import asyncio\nasync def f(n): return n\nasync def m(): print(await asyncio.gather(*map(f, range(3))))\n"
        "asyncio.run(m())"
    ),
    "coroutine never awaited": "async def f(): pass\nf()\nprint('x')",
    "signal alarm": (
        "import signal\nsignal.signal(signal.SIGALRM, lambda *a: print('alarm'))\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.02)\nsignal.pause()"
    ),
    "alarm not handled": "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0.02)\nsignal.pause()",
}

STATE = {
    "__name__": "print(__name__, __file__.rpartition('/')[2], __doc__, __package__, __spec__, __annotations__)",
    "globals": "print(sorted(globals()))",
    "docstring": "'''about'''\nprint(__doc__)",
    "annotations": "x: int = 3\nprint(__annotations__)",
    "future annotations": "from __future__ import annotations\ndef f(x: Nowhere): pass\nprint(f.__annotations__)",
    "import __main__": "x = 3\nimport __main__\nprint(__main__.x, __main__.__name__)",
    "vars(__main__) is globals": "import sys\nprint(vars(sys.modules['__main__']) is globals())",
    "sys.argv": "import sys\nprint(len(sys.argv), sys.argv[0].rpartition('/')[2])",
    "argparse": (
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('-n', default=3)\nprint(p.parse_args())"
    ),
    "recursion limit": "import sys\nprint(sys.getrecursionlimit())",
    "recursion depth": "n = 0\ndef f():\n  global n\n  n += 1\n  f()\ntry: f()\nexcept RecursionError: print(n)",
    "recursion depth of 5000": (
        "import sys\nsys.setrecursionlimit(5000)\nn = 0\ndef f():\n  global n\n  n += 1\n  f()\n"
        "try: f()\nexcept RecursionError: print(n)"
    ),
    "recursion through C": (
        "n = 0\nclass A:\n  def __repr__(s):\n    global n\n    n += 1\n    return repr([s])\ntry: repr(A())\n"
        "except RecursionError: print(n)"
    ),
    "setrecursionlimit too low": "import sys\ndef f(n): return sys.setrecursionlimit(5) if n == 0 else f(n - 1)\nf(5)",
    "deep recursion": "import sys\nsys.setrecursionlimit(10**6)\ndef f(n): return n and 1 + f(n - 1)\nprint(f(30000))",
    "inspect.stack": "import inspect\ndef f(): return len(inspect.stack())\nprint(len(inspect.stack()), f())",
    "frames": "import sys\nprint(sys._getframe().f_back, sys._getframe().f_code.co_name)",
    "_getframe(1)": "import sys\nsys._getframe(1)",
    "traceback of a stack": "import traceback\ndef f(): print(len(traceback.extract_stack()))\nf()",
    "format_exc": (
        "import traceback\ntry: 1/0\nexcept ZeroDivisionError: print(traceback.format_exc().splitlines()[-1])"
    ),
    "exc_info": "import sys\nprint(sys.exc_info())",
    "context of an error": (
        "try: 1/0\nexcept ZeroDivisionError as e: print(e.__context__, e.__cause__, e.__traceback__.tb_next)"
    ),
    "sys.last_value": "import sys\nprint(hasattr(sys, 'last_value'), hasattr(sys, 'ps1'))",
    "hooks": (
        "import sys\n"
        "print(sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__, sys.gettrace())"
    ),
    "sys.settrace": (
        "import sys\nsys.settrace(lambda f, e, a: print(e, f.f_code.co_name))\ndef f(): pass\nf()\nsys.settrace(None)"
    ),
    "flags": "import sys\nprint(sys.flags.optimize, sys.flags.interactive, sys.flags.inspect, sys.flags.verbose)",
    "gc state": "import gc\nprint(gc.isenabled(), gc.get_threshold(), gc.garbage, gc.get_debug())",
    "threads": (
        "import threading\n"
        "print(threading.active_count(), threading.current_thread().name, threading.main_thread() is "
        "threading.current_thread())"
    ),
    "signals": (
        "import signal\n"
        "print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, "
        "signal.getsignal(signal.SIGCHLD), signal.getsignal(signal.SIGPIPE))"
    ),
    "blocked signals": "import signal\nprint(signal.pthread_sigmask(signal.SIG_BLOCK, ()))",
    "switch interval": "import sys\nprint(sys.getswitchinterval())",
    "int digits": "import sys\nprint(sys.get_int_max_str_digits())\nprint(10 ** 5000)",
    "hash order": "print({'alpha', 'beta', 'gamma', 'delta'}, hash('x'))",
    "locale and encodings": "import sys\nprint(sys.getdefaultencoding(), sys.getfilesystemencoding())",
    "float repr": "print(0.1 + 0.2, 1e22, float('nan'), -0.0)",
    "builtins": "import builtins\nprint(sorted(n for n in dir(builtins)))",
    "open is io.open": "import io\nprint(open is io.open, open.__name__, input.__name__)",
    "license and credits": "print(type(help), type(exit))",
    "time zone": "import time\nprint(time.tzname, time.gmtime(0).tm_year)",
    "process_time": "import time\nprint(time.process_time() < 1)",
    "uid": "import os\nprint(os.getcwd() != '', os.getpid() > 0)",
    "environment": (
        "import os\nprint(os.environ.get('PYTHONPATH'), os.environ.get('ONLINE_JUDGE'), os.environ.get('DEBUG'))"
    ),
    "resource limits of the stack": (
        "import resource, sys, threading\nresource.setrlimit(resource.RLIMIT_STACK, (-1, -1))\n"
        "sys.setrecursionlimit(10**6)\ndef f(n): return n and 1 + f(n - 1)\nprint(f(20000))"
    ),
    "hard limit of the stack": "import resource\nprint(resource.getrlimit(resource.RLIMIT_STACK)[1])",
    "stack as high as allowed": (
        "import resource\n_, h = resource.getrlimit(resource.RLIMIT_STACK)\n"
        "resource.setrlimit(resource.RLIMIT_STACK, (h, h))\nprint(1)"
    ),
    "thread of 512 MB": (
        "import sys, threading\nsys.setrecursionlimit(10**6)\nthreading.stack_size(512 << 20)\n"
        "def f(n): return n and 1 + f(n - 1)\nt = threading.Thread(target=lambda: print(f(50000)))\nt.start()\nt.join()"
    ),
    "thread of 128 MB": (
        "import threading\nthreading.stack_size(1 << 27)\nt = threading.Thread(target=print, args=('t',))\nt.start()"
    ),
    "ctypes callback": (
        "import ctypes\na = (ctypes.c_int * 3)(3, 1, 2)\n"
        "T = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.POINTER(ctypes.c_int)] * 2)\n"
        "ctypes.CDLL(None).qsort(a, 3, 4, T(lambda x, y: x[0] - y[0]))\nprint(list(a))"
    ),
    "exec and eval": "exec('x = 4')\nprint(eval('x + 1'), sorted(k for k in locals() if k == 'x'))",
    "exec with an error": "exec('1/0')",
    "compile": "print(eval(compile('1 + 1', 'f', 'eval')))",
    "import of itself": "import program",
    "runpy": "import runpy\nprint(runpy.run_module('keyword')['kwlist'][0])",
    "warnings": "import warnings\nwarnings.warn('careful')\nprint('x')",
    "deprecation": "print('\\d')",
    "invalid literal comparison": "print(1 is 1)",
    "nested loops": "\n".join(" " * n + f"for a{n} in [0]:" for n in range(19)) + "\n" + " " * 19 + "print('deep')",
}

LIBRARIES = {
    "collections": (
        "from collections import *\nprint(Counter('abca').most_common(1), deque([1, 2], 1), OrderedDict(a=1))"
    ),
    "itertools": (
        "from itertools import *\nprint(list(accumulate([1, 2])), list(pairwise('abc')), list(product('ab', repeat=2)))"
    ),
    "functools": (
        "from functools import *\n@lru_cache(None)\ndef f(n): return n if n < 2 else f(n - 1) + f(n - 2)\n"
        "print(f(90), reduce(int.__mul__, [1, 2, 3]))"
    ),
    "functools.cache deep": (
        "import sys\nfrom functools import cache\nsys.setrecursionlimit(10**5)\n@cache\n"
        "def f(n): return n and f(n - 1) + 1\nprint(f(5000))"
    ),
    "heapq and bisect": (
        "import bisect, heapq\nh = [3, 1, 2]\nheapq.heapify(h)\nprint(heapq.heappop(h), bisect.bisect([1, 3], 2))"
    ),
    "math": "import math\nprint(math.gcd(12, 18), math.isqrt(99), math.comb(5, 2), math.inf, math.lcm(4, 6))",
    "cmath": "import cmath\nprint(cmath.sqrt(-1))",
    "decimal": "from decimal import *\ngetcontext().prec = 50\nprint(Decimal(1) / 7)",
    "fractions": "from fractions import Fraction\nprint(Fraction(3, 6) + 1)",
    "random with a seed": "import random\nrandom.seed(1)\nprint(random.random(), random.sample(range(9), 3))",
    "datetime": "import datetime\nprint(datetime.date(2024, 2, 29) + datetime.timedelta(365))",
    "calendar": "import calendar\nprint(calendar.isleap(2024))",
    "dataclasses": (
        "from dataclasses import dataclass\n@dataclass(order=True)\nclass P:\n  x: int\n  y: int = 2\n"
        "print(P(1), P(1) < P(2))"
    ),
    "enum": "from enum import *\nclass C(IntFlag):\n  A = auto()\n  B = auto()\nprint(C.A | C.B)",
    "typing": "from typing import *\nclass N(NamedTuple):\n  a: int\nprint(N(1), Optional[int])",
    "re": "import re\nprint(re.findall(r'(\\d)(\\w)', '1a2b'), re.sub('a', 'b', 'aa'))",
    "string": "import string\nprint(string.ascii_lowercase, string.Template('$a').substitute(a=1))",
    "json": "import json\nprint(json.dumps({'a': [1, None]}), json.loads('[1.0]'))",
    "pickle": (
        "import pickle\nclass A: pass\n"
        "print(type(pickle.loads(pickle.dumps(A()))).__name__, pickle.loads(pickle.dumps([1])))"
    ),
    "copy": "import copy\na = [[1]]\nb = copy.deepcopy(a)\nb[0][0] = 2\nprint(a)",
    "array": "from array import array\nprint(array('i', [1, 2]))",
    "struct": "import struct\nprint(struct.pack('<I', 7))",
    "hashlib": "import hashlib\nprint(hashlib.md5(b'x').hexdigest(), hashlib.sha256(b'x').hexdigest()[:8])",
    "base64 and zlib": "import base64, zlib\nprint(base64.b85encode(zlib.compress(b'aaaa')))",
    "queue": "import queue\nq = queue.PriorityQueue()\nq.put(2)\nq.put(1)\nprint(q.get())",
    "statistics": "import statistics\nprint(statistics.median([1, 3, 2]), statistics.stdev([1, 2]))",
    "textwrap": "import textwrap\nprint(textwrap.fill('a b c d', 4))",
    "operator": "from operator import *\nprint(itemgetter(1)([1, 2]), xor(3, 1))",
    "time": "import time\nt = time.perf_counter()\ntime.sleep(0.01)\nprint(time.perf_counter() - t >= 0.01)",
    "timeit": "import timeit\nprint(timeit.timeit('1', number=10) < 1)",
    "unicodedata": "import unicodedata\nprint(unicodedata.name('é'), unicodedata.normalize('NFD', 'é') == 'é')",
    "bz2 and lzma": "import bz2, lzma\nprint(bz2.decompress(bz2.compress(b'a')), lzma.decompress(lzma.compress(b'b')))",
    "csv": "import csv, io\nprint(list(csv.reader(io.StringIO('a,\"b,c\"\\n'))))",
    "tempfile": "import tempfile\nwith tempfile.TemporaryFile() as f: f.write(b'x')\nprint('written')",
    "logging": "import logging\nlogging.basicConfig(level=20)\nlogging.info('told')\nprint('x')",
    "unittest": (
        "import unittest\nclass T(unittest.TestCase):\n  def test(s): s.assertEqual(1, 1)\n"
        "unittest.main(argv=['x'], exit=False)"
    ),
    "doctest": "def f():\n  '''\n  >>> f()\n  1\n  '''\n  return 1\nimport doctest\nprint(doctest.testmod())",
    "abc": "from abc import ABC, abstractmethod\nclass A(ABC):\n  @abstractmethod\n  def f(s): ...\nA()",
    "contextvars": "import contextvars\nv = contextvars.ContextVar('v', default=1)\nprint(v.get())",
    "secrets and uuid": "import secrets, uuid\nprint(len(secrets.token_hex(4)), uuid.UUID(int=1))",
    "ast": "import ast\nprint(ast.literal_eval('[1, (2,)]'), ast.dump(ast.parse('x')))",
    "dis": "import dis\nprint(len(list(dis.get_instructions(lambda: 1))) > 0)",
    "inspect.signature": "import inspect\nprint(inspect.signature(lambda a, *, b=1: a))",
    "numbers": "import numbers\nprint(isinstance(1, numbers.Integral))",
    "graphlib": "import graphlib\nprint(list(graphlib.TopologicalSorter({1: [2]}).static_order()))",
    "pathlib": "from pathlib import Path, PurePath\nprint(PurePath('a/b').suffix, Path('nowhere').exists())",
    "shlex": "import shlex\nprint(shlex.split('a \"b c\"'))",
    "difflib": "import difflib\nprint(difflib.get_close_matches('appel', ['apple', 'ape']))",
    "html and urllib": (
        "import html\nfrom urllib.parse import urlparse\nprint(html.escape('<'), urlparse('http://a/b').path)"
    ),
    "zoneinfo": "import zoneinfo\nprint(zoneinfo.ZoneInfo('UTC').key)",
    "sqlite3": "import sqlite3\nprint(sqlite3.connect(':memory:').execute('select 1 + 1').fetchone())",
    "xml": "import xml.etree.ElementTree as E\nprint(E.fromstring('<a><b/></a>')[0].tag)",
    "platform": "import platform\nprint(platform.python_implementation(), platform.python_version())",
    "multiprocessing": "import multiprocessing\nprint(multiprocessing.cpu_count() > 0)",
    "subprocess": "import subprocess\nprint(subprocess.run(['true']).returncode)",
    "os.system": "import os\nos.system('cls')\nprint('x')",
    "socket": "import socket\nsocket.socket()\nprint('made')",
    "own source": "print(len(open(__file__).read()) > 0)",
    "writes a file": "open('output.txt', 'w').write('x')\nprint('written')",
    "tkinter or not": "try: import tkinter\nexcept ImportError: pass\nprint('x')",
    "numpy missing is told": "try: import numpi\nexcept ModuleNotFoundError as e: print(e)",
    "site-packages": "import sys\nprint(any('site-packages' in p for p in sys.path if p) in (True, False))",
    "cProfile": "import cProfile\ncProfile.run('1')\nprint('x')",
    "getpass": "import getpass\nprint(callable(getpass.getpass))",
}

IDIOMS = {**READING, **WRITING, **ENDING, **STATE, **LIBRARIES}
