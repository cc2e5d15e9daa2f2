"""Converter of TACO: records as in APPS, with limits as words, dates, and a list of tasks that need a judge.

The list is FlagOpen's for the test split (Apache-2.0): numbers of records whose outputs a plain comparison misjudges.
"""

from __future__ import annotations

import re

from engine.data.converted import Kept, Options, Unusable
from engine.data.fields import Fields
from engine.data.kinds import apps
from engine.problems import Problem

_SECONDS = 2.0
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")

_SEVERAL = frozenset((
    5, 10, 16, 36, 42, 47, 54, 56, 71, 77, 81, 83, 84, 90, 94, 106, 115, 119, 137, 140, 143, 155, 161, 162, 173, 175,
    179, 186, 205, 210, 211, 220, 221, 229, 238, 240, 242, 249, 258, 259, 260, 287, 289, 290, 295, 298, 305, 308, 327,
    335, 342, 343, 347, 351, 353, 362, 373, 375, 379, 381, 382, 383, 391, 394, 400, 408, 412, 417, 422, 444, 465, 475,
    477, 485, 487, 488, 490, 510, 519, 552, 555, 558, 561, 565, 574, 577, 582, 594, 601, 615, 617, 621, 628, 630, 638,
    647, 649, 663, 665, 673, 677, 702, 718, 720, 726, 734, 742, 754, 771, 775, 784, 785, 790, 818, 822, 825, 831, 832,
    834, 850, 852, 856, 869, 870, 876, 918, 919, 936, 942, 945, 946, 952, 958, 968, 969, 972, 984, 986, 991,
))  # fmt: skip
"""Records of the test split that accept several answers."""

_LOOSE = frozenset((
    18, 20, 23, 28, 41, 72, 96, 107, 130, 134, 141, 147, 168, 169, 188, 191, 198, 243, 253, 257, 264, 268, 279, 294,
    318, 323, 329, 331, 334, 337, 348, 366, 384, 447, 451, 504, 508, 522, 526, 527, 531, 543, 550, 554, 568, 578, 579,
    583, 586, 587, 610, 625, 629, 641, 659, 667, 671, 675, 695, 723, 743, 774, 805, 808, 815, 820, 864, 867, 868, 889,
    916, 941, 953, 957, 962, 967, 988, 990, 992,
))  # fmt: skip
"""Records of the test split that accept any letter case or numbers within a tolerance."""


def identify(fields: Fields) -> str:
    return f"taco/{fields.split or 'all'}/{fields.optional('id') or fields.index}"


def convert(fields: Fields, options: Options) -> Kept:
    number = fields.index if fields.split == "test" else -1
    if number in _SEVERAL and not options.keep_ambiguous:
        raise Unusable("it accepts several answers")
    limit = _NUMBER.search(fields.optional("time_limit"))
    problem = Problem(
        id=identify(fields),
        statement=fields.text("question"),
        public=(),
        hidden=(),
        time_limit=(float(limit[0]) if limit and float(limit[0]) > 0 else _SECONDS) * options.time_factor,
        difficulty=fields.optional("difficulty"),
        dataset=f"taco/{fields.split}" if fields.split else "taco",
        compare="tokens" if number in _LOOSE else "",
        source=fields.optional("url") or identify(fields),
        released=fields.date("date"),
    )
    return apps.of_record(fields, problem, options)
