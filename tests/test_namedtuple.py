"""Our named tuples are those of the standard library, but for when their constructor is written."""

# Each class is made of the base that one of two modules has, which no type checker can follow.
# mypy: disallow-subclassing-any=False

from __future__ import annotations

import copy
import pickle
import typing
from typing import Any

import pytest

from aoftool import namedtuple as own
from tests.test_dataclass import told


def plain(module: Any) -> Any:
    class Plain(module.NamedTuple):
        """Fields of every kind, and a method."""

        a: int
        b: bytes | None = None
        c: tuple[int, ...] = (1,)

        @property
        def double(self) -> int:
            return int(self.a * 2)

        def twice(self) -> Any:
            return self._replace(a=self.double)

    return Plain


def without_defaults(module: Any) -> Any:
    class Pair(module.NamedTuple):
        a: int
        b: str

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, tuple) and self[0] == other[0]

        def __hash__(self) -> int:
            return 5

    return Pair


def of_one(module: Any) -> Any:
    class One(module.NamedTuple):
        a: Any

    return One


def of_none(module: Any) -> Any:
    class Nothing(module.NamedTuple):
        pass

    return Nothing


def below(module: Any) -> Any:
    # The base is made by a call, and no type to mypy.
    class Derived(plain(module)):  # type: ignore[misc]
        """A class of its own below a named tuple."""

    return Derived


CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((1,), {}),
    ((1, "x"), {}),
    ((1,), {"b": b"x"}),
    ((), {"a": 1}),
    ((), {"b": 1, "a": 2}),
    ((1, b"x", (2,)), {}),
    ((1,), {"a": 2}),
    ((1,), {"nope": 2}),
    ((1, 2, 3, 4), {}),
]


@pytest.fixture(params=[plain, without_defaults, of_one, of_none, below], ids=lambda make: make.__name__)
def pair(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    return request.param(own), request.param(typing)


def instances(cls: Any) -> list[Any]:
    made = [told(cls, *args, **kwargs) for args, kwargs in CALLS]
    return [instance for kind, instance in made if kind == "value"]


def test_instances_are_made_alike(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    for args, kwargs in CALLS:
        one, other = told(ours, *args, **kwargs), told(theirs, *args, **kwargs)
        assert one[0] == other[0], (args, kwargs)
        if one[0] == "error":
            assert one == other
            continue
        assert tuple(one[1]) == tuple(other[1])
        assert repr(one[1]) == repr(other[1])
        assert one[1]._asdict() == other[1]._asdict()
        assert told(hash, one[1]) == told(hash, other[1])
        assert (one[1] == one[1][:]) is (other[1] == other[1][:])
        assert hasattr(one[1], "__dict__") is hasattr(other[1], "__dict__")
        assert type(one[1]) is ours


def test_fields_are_read_and_changed_alike(pair: tuple[Any, Any]) -> None:
    for one, other in zip(*map(instances, pair), strict=True):
        for name in ("a", "b", "c", "double", "nope"):
            assert told(getattr, one, name)[1] == told(getattr, other, name)[1], name
            assert told(setattr, one, name, 1)[0] == told(setattr, other, name, 1)[0]
        for changes in ({}, {"a": 7}, {"nope": 1}):
            mine, yours = told(one._replace, **changes), told(other._replace, **changes)
            assert mine[0] == yours[0]
            assert mine[1] == yours[1] if mine[0] == "error" else tuple(mine[1]) == tuple(yours[1])
        assert copy.copy(one) == copy.deepcopy(one) == one
        assert type(copy.copy(one)) is type(one)


def test_classes_tell_the_same_of_themselves(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    for name in ("_fields", "_field_defaults", "__match_args__", "__doc__", "__name__", "__module__"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert [base.__name__ for base in ours.__mro__] == [base.__name__ for base in theirs.__mro__]
    assert ours.__qualname__.split(".")[-1] == theirs.__qualname__.split(".")[-1]
    for values in ([], [1], [1, 2], [1, 2, 3]):
        one, other = told(ours._make, values), told(theirs._make, values)
        assert one == other if one[0] == "error" else tuple(one[1]) == tuple(other[1])


@pytest.mark.parametrize("module", [own, typing], ids=["ours", "theirs"])
def test_what_cannot_be_is_refused(module: Any) -> None:
    with pytest.raises(TypeError):

        class Late(module.NamedTuple):
            a: int = 1
            b: int

    with pytest.raises(ValueError, match=r"_a|underscore"):

        class Hidden(module.NamedTuple):
            _a: int

    with pytest.raises(AttributeError):

        class Makes(module.NamedTuple):
            a: int

            def __new__(cls) -> Any:
                return None

    with pytest.raises(TypeError):
        # A bare dict: what is refused is any second base.
        class Mixed(module.NamedTuple, dict):  # type: ignore[type-arg]
            a: int


class Sent(own.NamedTuple):
    """At the top of a module, as what is pickled must be."""

    a: int
    b: tuple[int, ...] = ()


def test_they_are_pickled() -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        read = pickle.loads(pickle.dumps(Sent(1, (2,)), protocol))
        assert read == Sent(1, (2,))
        assert type(read) is Sent


def test_the_constructor_is_written_once() -> None:
    made = plain(own)
    late = made.__new__
    made(1)
    written = made.__new__
    made(2)

    assert late is not written is made.__new__
    # Whoever has kept the first one, such as another thread, loses nothing.
    assert late(made, 3) == made(3)
    assert made.__new__ is written


def test_a_class_below_one_writes_its_constructor_where_it_belongs() -> None:
    base = plain(own)

    # The base is an argument, and no type to mypy.
    class Derived(base):  # type: ignore[misc, valid-type]
        pass

    assert type(Derived(1)) is Derived
    assert "__new__" not in vars(Derived)
    assert base.__new__ is Derived.__new__
