"""Our dataclasses are those of the standard library, but for when their methods are written."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import operator
import pickle
import sys
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from aoftool import dataclass as own

OPTIONS = [
    {},
    {"frozen": True},
    {"slots": True},
    {"frozen": True, "slots": True},
    {"frozen": True, "slots": True, "order": True},
    {"order": True},
]
Make = Callable[..., Any]


def plain(module: Any, options: dict[str, bool]) -> Any:
    @module.dataclass(**options)
    class Plain:
        """Fields of every kind."""

        shared: ClassVar[int] = 7
        a: int
        b: str = "b"
        c: list[int] = module.field(default_factory=list)
        d: int = module.field(default=3, compare=False, repr=False)
        e: bytes = module.field(init=False, default=b"e", repr=False)

        @property
        def double(self) -> int:
            return self.a * 2

    return Plain


def deriving(module: Any, options: dict[str, bool]) -> Any:
    @module.dataclass(**options)
    class Base:
        a: int
        b: str = "b"

    @module.dataclass(**options)
    class Deriving(Base):
        b: str = "changed"
        c: tuple[int, ...] = ()

        def __post_init__(self) -> None:
            object.__setattr__(self, "a", self.a + 1)

    return Deriving


def with_own_methods(module: Any, options: dict[str, bool]) -> Any:
    @module.dataclass(**options)
    class Own:
        a: int
        b: int = 2

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own) and self.a == other.a

        def __hash__(self) -> int:
            return 5

    return Own


def of_one(module: Any, options: dict[str, bool]) -> Any:
    @module.dataclass(**options)
    class One:
        a: Any

    return One


def of_none(module: Any, options: dict[str, bool]) -> Any:
    @module.dataclass(**options)
    class Nothing:
        pass

    return Nothing


def by_keyword(module: Any, options: dict[str, bool]) -> Any:
    @module.dataclass(**options)
    class Base:
        c: int = 3

    @module.dataclass(**options, kw_only=True)
    class Late(Base):
        a: int
        b: str = "b"

    return Late


MAKES = [by_keyword, plain, deriving, with_own_methods, of_one, of_none]
CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((1,), {}),
    ((2,), {}),
    ((1, "x"), {}),
    ((), {"a": 1}),
    ((1,), {"b": "x"}),
    ((1, "x", [1]), {}),
    ((1, "x", [1], 4), {}),
    ((1,), {"a": 2}),
    ((1,), {"nope": 2}),
    ((1, 2, 3, 4, 5, 6), {}),
]


def told(act: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[str, Any]:
    """Return what came of it: a value, or the class of an error."""
    try:
        return "value", act(*args, **kwargs)
    except Exception as error:
        return "error", type(error)


def instances(cls: Any) -> list[Any]:
    made = [told(cls, *args, **kwargs) for args, kwargs in CALLS]
    return [instance for kind, instance in made if kind == "value"]


def state(instance: Any) -> dict[str, Any]:
    return {each.name: getattr(instance, each.name) for each in dataclasses.fields(instance)}


PAIRS = [(make, options) for make in MAKES for options in OPTIONS]


# The first few instances are filled, later ones made by what was written then.
WAYS = {"filled": 1000, "written": 0}


@pytest.fixture(params=PAIRS, ids=lambda pair: "-".join([pair[0].__name__, *pair[1]]))
def both(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=WAYS)
def pair(both: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    make, options = both
    monkeypatch.setattr(own, "_FILLED", WAYS[request.param])
    return make(own, options), make(dataclasses, options)


def test_instances_are_made_alike(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    for args, kwargs in CALLS:
        one, other = told(ours, *args, **kwargs), told(theirs, *args, **kwargs)
        assert one[0] == other[0], (args, kwargs)
        if one[0] == "error":
            assert one == other
        else:
            assert state(one[1]) == state(other[1])
            assert repr(one[1]) == repr(other[1])
            assert hasattr(one[1], "__dict__") == hasattr(other[1], "__dict__")


def test_instances_compare_and_hash_alike(pair: tuple[Any, Any]) -> None:
    ours, theirs = (instances(cls) for cls in pair)
    assert len(ours) == len(theirs) > 0
    for first, twin in zip(ours, theirs, strict=True):
        assert told(hash, first) == told(hash, twin)
        for second, double in zip(ours, theirs, strict=True):
            for compare in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge):
                assert told(compare, first, second) == told(compare, twin, double)
        assert first != twin
        assert first.__eq__(3) == twin.__eq__(3)


def test_fields_are_set_and_deleted_alike(pair: tuple[Any, Any]) -> None:
    ours, theirs = (instances(cls)[0] for cls in pair)
    assert told(setattr, ours, "a", 9)[0] == told(setattr, theirs, "a", 9)[0]
    assert told(delattr, ours, "a")[0] == told(delattr, theirs, "a")[0]
    assert told(setattr, ours, "nope", 9)[0] == told(setattr, theirs, "nope", 9)[0]
    if type(ours).__dataclass_params__.frozen:
        assert told(setattr, ours, "a", 9)[1] is dataclasses.FrozenInstanceError


def test_copies_are_alike(pair: tuple[Any, Any]) -> None:
    ours, theirs = (instances(cls)[0] for cls in pair)
    assert state(copy.copy(ours)) == state(copy.deepcopy(ours)) == state(theirs)
    for changes in ({"a": 5}, {"nope": 1}, {"e": b"x"}, {}):
        one, other = told(own.replace, ours, **changes), told(dataclasses.replace, theirs, **changes)
        assert one[0] == other[0]
        assert one == other if one[0] == "error" else state(one[1]) == state(other[1])
        if one[0] == "value":
            assert state(dataclasses.replace(ours, **changes)) == state(one[1])


def test_others_see_a_dataclass(pair: tuple[Any, Any]) -> None:
    ours, theirs = pair
    one, other = instances(ours)[0], instances(theirs)[0]
    assert dataclasses.asdict(one) == dataclasses.asdict(other)
    assert dataclasses.astuple(one) == dataclasses.astuple(other)
    assert [seen(each) for each in dataclasses.fields(ours)] == [
        seen(each) for each in dataclasses.fields(theirs)
    ]
    for cls in pair:
        assert dataclasses.is_dataclass(cls)
    assert signature_of(ours) == signature_of(theirs)
    assert ours.__match_args__ == theirs.__match_args__
    assert ours.__dataclass_params__.frozen == theirs.__dataclass_params__.frozen


def seen(each: dataclasses.Field[Any]) -> tuple[object, ...]:
    return each.name, each.type, each.default, each.default_factory, each.init, each.compare, each.repr


def signature_of(cls: Any) -> list[tuple[str, object]]:
    return [(name, each.annotation) for name, each in inspect.signature(cls).parameters.items()]


def test_a_dataclass_of_the_standard_library_may_derive_from_ours() -> None:
    @own.dataclass(frozen=True)
    class Base:
        a: int

    @dataclasses.dataclass(frozen=True)
    class Derived(Base):
        b: int = 2

    assert state(Derived(1)) == {"a": 1, "b": 2}


def test_ours_may_not_derive_from_one_of_the_standard_library() -> None:
    @dataclasses.dataclass
    class Base:
        a: int

    with pytest.raises(TypeError):

        @own.dataclass
        class Derived(Base):
            b: int = 2


@own.dataclass(frozen=True, slots=True)
class Sent:
    """At the top of a module, as what is pickled must be."""

    a: int
    b: tuple[int, ...] = ()


def test_frozen_ones_with_slots_are_pickled() -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(Sent(1, (2,)), protocol)) == Sent(1, (2,))


def test_a_method_is_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "_FILLED", 1)
    made = of_one(own, {"frozen": True})
    late = made.__init__
    made(1)
    assert made.__init__ is late
    made(2)
    written = made.__init__
    made(3)

    assert late is not written is made.__init__
    assert written.__qualname__.endswith("One.__init__")
    assert sys.modules[written.__module__] is sys.modules[__name__]
    # Whoever has kept the first one, such as a class below, makes the same.
    again = made.__new__(made)
    late(again, 2)
    assert again == made(2)


@pytest.mark.parametrize("way", WAYS)
def test_what_a_class_does_when_it_is_filled_is_done_once(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "_FILLED", WAYS[way])
    done: list[str] = []

    @own.dataclass
    class Counted:
        a: int
        # `append` gives nothing, and the list behind `or` is the value.
        b: list[str] = own.field(default_factory=lambda: done.append("b") or [])  # type: ignore[func-returns-value]

        def __setattr__(self, name: str, value: object) -> None:
            done.append(name)
            object.__setattr__(self, name, value)

        def __post_init__(self) -> None:
            done.append("after")

    refused: list[dict[str, Any]] = [{}, {"a": 1, "c": 2}]
    for wrong in refused:
        with pytest.raises(TypeError):
            Counted(**wrong)
    assert done == []
    Counted(1)
    assert done == ["a", "b", "b", "after"]
