"""Programs as models write them for small tasks, all reading the same input: a count, then that many numbers.

Correct, wrong and crashing ones, in common styles: one-liners, functions, classes, imports, recursion.
"""

from __future__ import annotations

import random

READ = "n = int(input())\nxs = list(map(int, input().split()))"


def _programs(text: str) -> tuple[str, ...]:
    return tuple(program.replace("READ", READ) for program in text.strip("\n").split("\n---\n"))


SOUND = _programs(r"""
READ
print(sum(xs))
---
READ
print(max(xs) - min(xs))
---
READ
print(*sorted(xs))
---
READ
print(sorted(xs)[len(xs) // 2])
---
READ
print(sum(x for x in xs if x % 2 == 0))
---
READ
print(len(set(xs)))
---
READ
best = 0
for i in range(n):
    for j in range(i + 1, n):
        best = max(best, xs[j] - xs[i])
print(best)
---
READ
total = 0
for i, x in enumerate(xs):
    total += x if i % 2 else -x
print(total)
---
READ
print(' '.join(str(x * x) for x in xs[::-1]))
---
READ
print(sum(1 for a, b in zip(xs, xs[1:]) if b > a))
---
import sys
data = list(map(int, sys.stdin.read().split()))
print(sum(data[1:]) % 1000000007)
---
import sys
_, *rest = sys.stdin.read().split()
print(max(map(int, rest)))
---
import sys
lines = sys.stdin.readlines()
print(len(lines[1].split()) == int(lines[0]))
---
from collections import Counter
READ
print(Counter(xs).most_common(1)[0][1])
---
from collections import defaultdict
READ
d = defaultdict(list)
for x in xs: d[x % 3].append(x)
print(dict(d))
---
from collections import deque
READ
q = deque(xs)
q.rotate(2)
print(*q)
---
from itertools import accumulate
READ
print(*accumulate(xs))
---
from itertools import combinations
READ
print(sum(1 for a, b in combinations(xs, 2) if (a + b) % 5 == 0))
---
from functools import lru_cache
READ
@lru_cache(None)
def f(k):
    return k if k < 2 else f(k - 1) + f(k - 2)
print(f(n))
---
from functools import reduce
READ
print(reduce(lambda a, b: a ^ b, xs))
---
import math
READ
print(math.gcd(*xs))
---
import math
READ
print(sum(math.isqrt(abs(x)) for x in xs))
---
import heapq
READ
heapq.heapify(xs)
print([heapq.heappop(xs) for _ in range(min(3, n))])
---
import bisect
READ
t = []
for x in xs:
    at = bisect.bisect_left(t, x)
    t[at:at + 1] = [x]
print(len(t))
---
import re
print(len(re.findall(r'-?\d+', input() + ' ' + input())))
---
def solve():
    n = int(input())
    a = [int(v) for v in input().split()]
    seen = {}
    for i, v in enumerate(a):
        if v in seen:
            return seen[v], i
        seen[v] = i
    return -1

print(solve())
---
def main():
    n = int(input())
    a = list(map(int, input().split()))
    dp = [0] * (n + 1)
    for i in range(1, n + 1):
        dp[i] = max(dp[i - 1], (dp[i - 2] if i > 1 else 0) + a[i - 1])
    print(dp[n])

if __name__ == '__main__':
    main()
---
class Stack:
    def __init__(self):
        self.items = []
    def push(self, x):
        while self.items and self.items[-1] > x:
            self.items.pop()
        self.items.append(x)

READ
s = Stack()
for x in xs: s.push(x)
print(len(s.items))
---
READ
def merge(a):
    if len(a) < 2: return a
    l, r = merge(a[:len(a) // 2]), merge(a[len(a) // 2:])
    out = []
    while l and r:
        out.append(l.pop(0) if l[0] <= r[0] else r.pop(0))
    return out + l + r
print(*merge(xs))
---
READ
grid = [[(i * j + xs[j % n]) % 7 for j in range(12)] for i in range(12)]
print(sum(map(sum, grid)))
---
READ
sieve = [True] * 500
for i in range(2, 23):
    if sieve[i]:
        for j in range(i * i, 500, i): sieve[j] = False
print(sum(1 for x in xs if 1 < x < 500 and sieve[x]))
---
n, a = input(), input().split()
print(a[0][::-1], ''.join(sorted(a[-1])))
---
from dataclasses import dataclass
@dataclass(order=True)
class Item:
    key: int
    at: int
READ
print(min(Item(x, i) for i, x in enumerate(xs)).at)
---
from typing import List
def f(xs: List[int]) -> int:
    return sum(x & 1 for x in xs)
input()
print(f([int(x) for x in input().split()]))
""")

WRONG = _programs(r"""
READ
print(sum(xs) + 1)
---
READ
print(max(xs[:-1] or [0]))
---
READ
print(xs)
---
print(input())
""")

CRASHING = _programs(r"""
READ
print(xs[n])
---
READ
print(1 // (n - n))
---
n = int(input().split()[1])
---
import numpi
print(1)
---
READ
print(undefined_name)
---
READ
print({}['x'])
""")

LIGHT = (*SOUND, *WRONG, *CRASHING)

LOOPS = _programs(r"""
READ
while n: pass
---
READ
i = 0
while i < n: i -= 1
---
while True:
    try:
        x = sum(range(1000))
    except BaseException: pass
""")


def inputs(count: int, rng: random.Random) -> list[str]:
    """Return `count` different inputs of 6 to 20 numbers."""
    made: dict[str, None] = {}
    while len(made) < count:
        size = rng.randint(6, 20)
        made[f"{size}\n{' '.join(str(rng.randint(-99, 99)) for _ in range(size))}\n"] = None
    return list(made)
