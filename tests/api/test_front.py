"""What `import aoftool` offers: every name, typed and documented, and nothing of it loaded beforehand."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import aoftool
from aoftool import errors
from aoftool.front import HOMES
from tests.corpus import CHECKOUT

NAMES = [name for name in aoftool.__all__ if name != "__version__"]
ROOMS = ["check", "commands", "rewrite"]


def loaded_by(code: str) -> set[str]:
    shown = "import json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{shown}"],
        env={"PYTHONPATH": str(Path(aoftool.__file__).parent.parent)},
        capture_output=True,
        check=True,
        timeout=60,
    )
    return set(json.loads(done.stdout))


def test_importing_the_package_loads_none_of_it() -> None:
    loaded = loaded_by("import aoftool")

    assert {name for name in loaded if name.partition(".")[0] == "aoftool"} == {"aoftool", "aoftool.front"}
    assert loaded.isdisjoint({"numpy", "typer", "rich", "dataclasses", "construct"})


def test_opening_a_log_loads_no_numpy_and_no_command_line(tmp_path: Path) -> None:
    path = tmp_path / "appendonly.aof"
    path.write_bytes(b"*1\r\n$8\r\nFLUSHALL\r\n")

    loaded = loaded_by(f"import aoftool; aoftool.open_log({str(path)!r})")

    assert {name for name in loaded if name.startswith(("numpy", "aoftool.cli", "aoftool.keyspace"))} == set()


def test_every_name_is_offered_and_has_one_home() -> None:
    assert sorted(HOMES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_name_is_what_its_module_holds_and_says_what_it_is(name: str) -> None:
    found = getattr(aoftool, name)

    assert found is getattr(import_module(HOMES[name]), name)
    assert inspect.getdoc(found)


@pytest.mark.parametrize("name", [name for name in NAMES if name.islower()])
def test_function_is_typed_and_tells_of_every_parameter(name: str) -> None:
    signature = inspect.signature(getattr(aoftool, name))
    text = inspect.getdoc(getattr(aoftool, name)) or ""

    assert signature.return_annotation is not inspect.Signature.empty
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty
        assert parameter.name == "log" or parameter.name in text, parameter.name
    assert "Raises:" in text


def test_type_checkers_are_told_the_same_homes() -> None:
    tree = ast.parse((CHECKOUT / "aoftool" / "__init__.py").read_text("utf-8"))
    told = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if node.module not in ("typing", "aoftool.front")
    }

    assert told == HOMES


@pytest.mark.parametrize("name", ROOMS)
def test_function_stays_when_the_room_of_its_name_is_loaded(name: str) -> None:
    room = import_module(f"aoftool.{name}")

    assert getattr(aoftool, name) is not room
    assert callable(getattr(aoftool, name))
    assert sys.modules[f"aoftool.{name}"] is room


def test_unknown_name_is_no_attribute() -> None:
    name = "chekc"

    with pytest.raises(AttributeError, match=f"no attribute '{name}'"):
        getattr(aoftool, name)


def test_the_version_is_told_in_one_place() -> None:
    settings = (CHECKOUT / "pyproject.toml").read_text("utf-8")

    assert 'dynamic = ["version"]' in settings
    assert 'version = { attr = "aoftool.__version__" }' in settings
    assert aoftool.__version__ not in settings


def test_every_error_can_be_caught_by_its_name() -> None:
    own = {name for name in dir(errors) if isinstance(getattr(errors, name), type)}
    own = {name for name in own if issubclass(getattr(errors, name), errors.AoftoolError)}

    assert own <= {*aoftool.__all__}
