"""Declare the compiled kernels.

Every extension is optional: without a C compiler the build carries on and aoftool uses the Python
reference that stands beside each kernel. Cython itself needs no compiler.
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

# For `tools/sanitize_kernels.py`: every access is checked, by the compiler's sanitizers and by Cython.
SANITIZED = os.environ.get("AOFTOOL_SANITIZE") == "1"
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": SANITIZED,
    "wraparound": False,
    "initializedcheck": SANITIZED,
    "cdivision": True,
    "freethreading_compatible": True,
}


def kernels() -> list[Extension]:
    """Return one optional extension for every `.pyx` file of the package.

    With AOFTOOL_REQUIRE_NATIVE=1 a kernel that does not compile fails the build.
    """
    found = sorted(Path("aoftool").rglob("*.pyx"))
    # No debug symbols: a quarter of the compile time. Kernels compile side by side for the same reason.
    compile_args = ["-O1", "-g1", "-fno-omit-frame-pointer", *SANITIZERS] if SANITIZED else ["-O3", "-g0"]
    sources = [
        Extension(
            ".".join(path.with_suffix("").parts),
            [str(path)],
            extra_compile_args=compile_args,
            extra_link_args=SANITIZERS if SANITIZED else [],
        )
        for path in found
    ]
    extensions = cythonize(sources, compiler_directives=DIRECTIVES)
    for extension in extensions:
        # Set here, because cythonize makes new objects and forgets it (Cython 3.3 with setuptools 84).
        extension.optional = os.environ.get("AOFTOOL_REQUIRE_NATIVE") != "1"
    return extensions


setup(
    ext_modules=kernels(),
    options={"build_ext": {"parallel": os.cpu_count() or 1}},
)
