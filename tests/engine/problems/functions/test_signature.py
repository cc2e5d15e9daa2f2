"""Heads of functions in the languages of starter code."""

from __future__ import annotations

import time

import pytest

from engine.problems.functions import Type, annotation, signatures

INT, FLOAT, BOOL, STR, UNKNOWN = Type("int"), Type("float"), Type("bool"), Type("str"), Type("unknown")
INTS = Type("list", (INT,))
TABLE = Type("list", (INTS,))


@pytest.mark.parametrize(
    "code",
    [
        "class Solution:\n    def pick(self, nums: List[int], k: int) -> bool:\n        ",
        "class Solution(object):\n    def pick(self, nums: list[int], k: int = 3) -> bool: ...",
        "def pick(\n    nums: Sequence[int],\n    k: int,\n) -> bool:\n    return sum((nums)) > k\n",
        "class Solution {\n    public boolean pick(int[] nums, int k) {\n        \n    }\n}",
        "class Solution {\npublic:\n    bool pick(vector<int>& nums, int k) {\n    }\n};",
        "public class Solution {\n    public static bool pick(List<int> nums, long k)\n    {\n    }\n}",
        "/**\n * @param {number[]} nums\n */\nfunction pick(nums: Array<bigint>, k: bigint): boolean {\n};",
        "func pick(nums []int, k int) bool {\n\n}",
        "impl Solution {\n    pub fn pick(nums: Vec<i32>, k: i32) -> bool {\n    }\n}",
    ],
    ids=["method", "class(object)", "def", "java", "c++", "c#", "typescript", "go", "rust"],
)
def test_one_head_in_every_language(code: str) -> None:
    (found,) = signatures([code])
    assert (found.name, found.returns) == ("pick", BOOL)
    assert [(each.name, each.type) for each in found.parameters] == [("nums", INTS), ("k", INT)]


def test_names_and_types_of_jsdoc() -> None:
    comment = "/**\n * @param {string[]} words\n * @param {number} k\n * @return {boolean}\n */\n"
    code = comment + "var f = function(words, k) {\n};"
    (found,) = signatures([code])
    assert [(each.name, each.type) for each in found.parameters] == [("words", Type("list", (STR,))), ("k", UNKNOWN)]
    assert found.returns == BOOL


def test_a_block_that_reads_standard_input_declares_no_task() -> None:
    assert signatures(["def add(a: int, b: int):\n    return a + b\n\nprint(add(*map(int, input().split())))"]) == []
    assert signatures(["int add(int a, int b) {\n}\nint main() { cin >> a; }"]) == []


def test_every_function_of_a_block_is_found_and_constructors_are_not() -> None:
    code = "class Trie:\n    def __init__(self):\n        pass\n\ndef helper(x):\n    pass\n\n"
    code += "class Solution:\n    def f(self, s: str): ..."
    assert [found.name for found in signatures([code])] == ["helper", "f"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("int", INT), ("long long", INT), ("unsigned int", INT), ("double", FLOAT), ("char", STR), ("String", STR),
        ("char[][]", Type("list", (Type("list", (STR,)),))), ("List[List[int]]", TABLE),
        ("vector<vector<int>>&", TABLE), ("std::vector<int>", INTS), ("[][]int", TABLE),
        ("Optional[TreeNode]", Type("tree")), ("TreeNode*", Type("tree")),
        ("Option<Rc<RefCell<TreeNode>>>", Type("tree")), ("ListNode", INTS), ("List[Optional[ListNode]]", TABLE),
        ("number[]", UNKNOWN), ("list", UNKNOWN), ("Any", UNKNOWN), ("Foo", UNKNOWN), ("int | None", INT),
        ("Set[str]", Type("set", (STR,))), ("Dict[str, int]", Type("dict", (STR, INT))),
        ("Map<String, List<Integer>>", Type("dict", (STR, INTS))), ("Tuple[int, str]", Type("tuple", (INT, STR))),
        ("tuple[int, ...]", Type("tuple", (INT, Type("...")))), ("void", Type("none")), ("None", Type("none")),
    ],
)  # fmt: skip
def test_annotations(text: str, kind: Type) -> None:
    assert annotation(text) == kind


@pytest.mark.parametrize(
    "piece",
    ["a ", "def f(", "int f(", "x.", "List[", "/* @param {", "function f(", "func ", "fn f() ", "func f() ",
     "const f = () ", "int f() ", "function f() "],
)  # fmt: skip
def test_long_code_takes_linear_time(piece: str) -> None:
    began = time.process_time()
    signatures([piece * (100_000 // len(piece))])
    signatures([f"{piece}{' ' * 100_000}"])
    assert time.process_time() - began < 5.0
