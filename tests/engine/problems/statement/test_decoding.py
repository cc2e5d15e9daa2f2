"""Bytes of a statement: what is read, and what is refused with the encoding that it looks like."""

from __future__ import annotations

import pytest

from engine.errors import DataError
from engine.problems.statement.decoding import decode

RUSSIAN = "Сложите два числа.\n\n## Пример\n\nВвод: 1 2\nВывод: 3\n"
CHINESE = "# 求和\n\n输入两个整数，输出它们的和。\n\n## 样例输入\n1 2\n## 样例输出\n3\n"
JAPANESE = "# 足し算\n\n二つの数を足してください。\n\n## 入力例\n1 2\n## 出力例\n3\n"
KOREAN = "# 더하기\n\n두 수를 더한 값을 출력하시오.\n\n## 예제 입력\n1 2\n## 예제 출력\n3\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_with_its_mark_is_read(encoding: str) -> None:
    assert decode(CHINESE.encode(encoding), "p.md") == CHINESE


@pytest.mark.parametrize("charset", ["windows-1251", "koi8-r"])
def test_a_page_that_names_its_encoding_is_read(charset: str) -> None:
    page = f'<html><head><meta charset="{charset}"></head><body>{RUSSIAN}</body></html>'
    assert decode(page.encode(charset), "p.html") == page


@pytest.mark.parametrize(
    ("text", "encoding", "looks"),
    [
        (CHINESE, "gbk", "GBK"),
        (JAPANESE, "shift_jis", "Shift_JIS"),
        (JAPANESE, "euc-jp", "EUC-JP"),
        (KOREAN, "euc-kr", "EUC-KR"),
        (RUSSIAN, "cp1251", "Windows-1251"),
        (RUSSIAN, "koi8-r", "KOI8-R"),
        ("# Suma\n\nLímite: diez. Añada dos números según la explicación.\n", "latin-1", "Windows-1252"),
        ("# Année\n\nÉcrivez la somme où ça se trouve.\n", "latin-1", "Windows-1252"),
        ("# 合計\n\n二つの数の和を計算してください。\n", "shift_jis", "Shift_JIS"),
    ],
)
def test_another_encoding_is_named(text: str, encoding: str, looks: str) -> None:
    with pytest.raises(DataError) as caught:
        decode(text.encode(encoding), "p.md")
    assert f"it looks like {looks}" in caught.value.message
    assert f"iconv -f {looks}" in caught.value.remedy


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x00\x01\x02", "is not a text file"),
        (b"%PDF-1.7\n", "is a PDF"),
        (b"PK\x03\x04rest", "is a ZIP archive or an office document"),
        ("Add.".encode("utf-16-le"), "UTF-16 without a byte order mark"),
        (RUSSIAN.encode("utf-16-le"), "UTF-16 without a byte order mark"),
        (b"\xff\xfe\x41", "UTF-16 is damaged"),
        (b"ab\xff\xfe", "not UTF-8 (byte 2)"),
    ],
)
def test_what_is_no_text_is_refused_in_one_line(data: bytes, what: str) -> None:
    with pytest.raises(DataError) as caught:
        decode(data, "p.md")
    assert what in caught.value.message
    assert "\n" not in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "charset", ["undefined", "unicode_escape", "raw_unicode_escape", "idna", "punycode", "hex", "x" * 100]
)
def test_a_page_cannot_choose_an_encoding_that_is_no_text(charset: str) -> None:
    with pytest.raises(DataError, match="not UTF-8"):
        decode(f'<html><meta charset="{charset}"><p>\\ud800'.encode() + b"\xff", "p.html")
