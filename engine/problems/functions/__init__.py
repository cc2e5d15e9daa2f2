"""Tasks that ask for a function, as tasks for a program: lines of standard input for its arguments, or none at all.

    task = convert(examples, code)      None where the examples call no function
    task.examples                       each one converted, or Refused with the reason
    task.paragraph                      what the statement must say of the encoding

value_types   types of values, joined over all examples
literals      values and calls as statements write them
signature     types that starter code declares, in eight languages
encoding      styles `cure` and `json`, both ways
converting    the conversion: read this first
paragraph     the encoding in words
asserts       calls and results in the assertions of a test file
programs      the function as a program of the converted task
kinds         function, class, query, shell script: what a task asks for
"""

from engine.problems.functions.asserts import Assertion, read_assertions
from engine.problems.functions.converting import FunctionTask, Refused, convert, convert_calls, refusals
from engine.problems.functions.encoding import (
    JSON_CONSTANTS,
    PYTHON_CONSTANTS,
    Style,
    decode_arguments,
    decode_result,
    encode_arguments,
    encode_result,
)
from engine.problems.functions.kinds import TaskKind, kind_of
from engine.problems.functions.literals import operations_of
from engine.problems.functions.programs import program_of
from engine.problems.functions.signature import Parameter, Signature, annotation, signatures
from engine.problems.functions.value_types import UNKNOWN, Refusal, Type, identical, join, type_of

__all__ = [
    "JSON_CONSTANTS",
    "PYTHON_CONSTANTS",
    "UNKNOWN",
    "Assertion",
    "FunctionTask",
    "Parameter",
    "Refusal",
    "Refused",
    "Signature",
    "Style",
    "TaskKind",
    "Type",
    "annotation",
    "convert",
    "convert_calls",
    "decode_arguments",
    "decode_result",
    "encode_arguments",
    "encode_result",
    "identical",
    "join",
    "kind_of",
    "operations_of",
    "program_of",
    "read_assertions",
    "refusals",
    "signatures",
    "type_of",
]
