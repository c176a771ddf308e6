"""The table of compiled kernels: whole, and each beside its reference."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from aoftool.kernels import KERNELS, PURE, kernel_alone, kernels_there

PACKAGE = Path(__file__).resolve().parent.parent / "aoftool"


def test_the_table_names_every_kernel() -> None:
    sources = [path.relative_to(PACKAGE.parent).with_suffix("") for path in PACKAGE.rglob("*.pyx")]

    assert sorted(KERNELS) == sorted(".".join(source.parts) for source in sources)


def test_what_is_not_in_the_table_is_no_kernel() -> None:
    with pytest.raises(AssertionError):
        kernel_alone("aoftool.errors")


@pytest.mark.skipif(PURE, reason="the references were asked for")
def test_the_count_is_that_of_the_modules_that_can_be_had() -> None:
    assert kernels_there() == sum(kernel_alone(name) is not None for name in KERNELS)


def test_the_page_for_contributors_installs_what_a_build_requires() -> None:
    settings = (PACKAGE.parent / "pyproject.toml").read_text("utf-8")
    (listed,) = re.findall(r"^requires = \[(.+)\]", settings, re.MULTILINE)
    page = (PACKAGE.parent / "CONTRIBUTING.md").read_text("utf-8")
    (line,) = re.findall(r"pip install ('cython.+?) && .*build_ext", page, re.IGNORECASE)

    assert {word.lower() for word in shlex.split(line)} == {
        word.lower() for word in shlex.split(listed.replace(",", " "))
    }
