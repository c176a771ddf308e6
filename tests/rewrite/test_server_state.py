"""What is asked of a server for comparison: a failure is a failure, not the absence of expire times."""

from __future__ import annotations

from typing import Any

import pytest

from aoftool.servers.state import _details


class _Client:
    """Holds one hash with a field; answers HPEXPIRETIME with what it was given."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def hkeys(self, key: bytes) -> list[bytes]:
        return [b"f"]

    def execute_command(self, *words: Any) -> Any:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def test_expire_times_of_fields_are_told() -> None:
    assert _details(_Client([5]), b"k", b"hash") == [(b"f", 5)]
    assert _details(_Client([-1]), b"k", b"hash") is None


def test_a_server_that_has_none_is_no_failure() -> None:
    assert _details(_Client(ValueError("unknown command 'HPEXPIRETIME', with args")), b"k", b"hash") is None


def test_any_other_failure_is_not_taken_for_a_hash_without_times() -> None:
    with pytest.raises(OSError, match="reset"):
        _details(_Client(OSError("connection reset")), b"k", b"hash")
