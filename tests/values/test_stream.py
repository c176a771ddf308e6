"""A stream gives away its front without searching for it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aoftool.values import StreamId, StreamIdmp, StreamValue


def entry(number: int) -> StreamId:
    return StreamId(number, 0)


@given(st.lists(st.sampled_from(["add", "drop", "remove", "first"]), max_size=80))
def test_front_follows_every_change(steps: list[str]) -> None:
    stream = StreamValue()
    model: list[int] = []

    for number, step in enumerate(steps):
        if step == "add":
            stream.append(entry(number), ((b"f", b"v"),))
            model.append(number)
        elif step == "drop":
            stream.drop_first(min(2, len(model)))
            del model[:2]
        elif step == "remove" and model:
            del stream.entries[entry(model.pop(len(model) // 2))]
        else:
            assert stream.first_id_held() == (entry(model[0]) if model else None)

    assert list(stream.entries) == [entry(number) for number in model]


def test_equality_ignores_how_the_front_is_kept() -> None:
    one, other = StreamValue(), StreamValue()
    for stream in (one, other):
        stream.append(entry(1), ())

    one.first_id_held()

    assert one == other


def test_a_copy_of_what_producers_sent_shares_nothing() -> None:
    idmp = StreamIdmp(producers={b"p": {b"i": entry(1)}}, iids_added=1)

    other = idmp.copy()
    other.producers[b"p"][b"j"] = entry(2)

    assert idmp.producers == {b"p": {b"i": entry(1)}}
    assert not idmp.is_plain()
    assert StreamIdmp().is_plain()
