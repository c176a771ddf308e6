"""Declare the compiled kernels.

Every extension is optional: without a C compiler the build carries on and aoftool uses the Python
reference that stands beside each kernel. Cython itself needs no compiler.
"""

from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "initializedcheck": False,
    "cdivision": True,
    "freethreading_compatible": True,
}


def kernels() -> list[Extension]:
    """Return one optional extension for every `.pyx` file of the package."""
    found = sorted(Path("aoftool").rglob("*.pyx"))
    return [
        Extension(
            ".".join(path.with_suffix("").parts),
            [str(path)],
            optional=True,
            extra_compile_args=["-O3"],
        )
        for path in found
    ]


setup(ext_modules=cythonize(kernels(), compiler_directives=DIRECTIVES))
