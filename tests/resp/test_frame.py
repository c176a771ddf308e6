"""One command from bytes and to bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoftool.errors import RespError, TruncatedError
from aoftool.resp.encode import encode_command, encode_commands, encode_select, encoded_size
from aoftool.resp.frame import read_frame
from aoftool.resp.grammar import Grammar

argvs = st.lists(st.binary(max_size=50), min_size=1, max_size=20)


@given(argv=argvs)
def test_what_is_written_reads_back(argv: list[bytes]) -> None:
    data = encode_command(argv)

    frame = read_frame(data, 1000, Grammar.STRICT)

    assert frame.argv == argv
    assert (frame.offset, frame.length, frame.lenient) == (1000, len(data), False)
    assert [data[offset - 1000 : offset - 1000 + length] for offset, length in frame.spans] == argv


@given(argv=argvs)
def test_the_size_is_known_without_writing(argv: list[bytes]) -> None:
    assert encoded_size(map(len, argv)) == len(encode_command(argv))


@given(argv=argvs, cut=st.floats(0, 1, exclude_max=True))
def test_no_prefix_of_a_command_is_a_command(argv: list[bytes], cut: float) -> None:
    data = encode_command(argv)

    with pytest.raises(TruncatedError):
        read_frame(data[: int(cut * len(data))])


def test_known_bytes() -> None:
    assert encode_select(0) == b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"
    assert encode_commands([[b"a"], [b"", b"bc"]]) == b"*1\r\n$1\r\na\r\n*2\r\n$0\r\n\r\n$2\r\nbc\r\n"


def test_a_command_needs_a_name() -> None:
    with pytest.raises(ValueError, match="name"):
        encode_command([])


def test_what_is_no_command_says_where() -> None:
    with pytest.raises(RespError) as caught:
        read_frame(b"SET a b\r\n", 77)

    assert caught.value.offset == 77
    assert "inline-command" in caught.value.message
