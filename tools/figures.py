"""Print what a reader of the sources meets: sizes, parameters, docstrings, comments where bytes are decoded.

`python tools/figures.py [CHECKOUT]` reads the package of this checkout, or of another one, and prints one
line a figure, so that two runs can be laid side by side.
"""

from __future__ import annotations

import ast
import statistics
import sys
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef
# Rooms whose loops read bytes of the two formats.
DECODING = ("rdb", "resp")


def functions(tree: ast.AST) -> Iterator[Function]:
    """Yield every function and method."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def body_lines(function: Function) -> int:
    """Return the lines of a function without its decorators, signature and docstring."""
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def parameters(function: Function) -> int:
    """Return the number of parameters, `self` and `cls` left out."""
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def comments(path: Path) -> int:
    """Return the number of lines that hold a comment."""
    with tokenize.open(path) as file:
        return len(
            {
                token.start[0]
                for token in tokenize.generate_tokens(file.readline)
                if token.type == tokenize.COMMENT
            }
        )


def spread(values: Sequence[int]) -> str:
    """Return median, ninth decile and maximum."""
    ordered = sorted(values)
    return f"{statistics.median(ordered):g} / {ordered[len(ordered) * 9 // 10]} / {ordered[-1]}"


def figures(package: Path) -> Iterator[tuple[str, str]]:
    """Yield pairs of (what, figure)."""
    paths = sorted(package.rglob("*.py"))
    trees = {path: ast.parse(path.read_text("utf-8")) for path in paths}
    every = [function for tree in trees.values() for function in functions(tree)]
    public = [function for function in every if not function.name.startswith("_")]
    told = [function for function in public if ast.get_docstring(function)]
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in paths}
    folders: dict[Path, int] = {}
    for path in paths:
        folders[path.parent] = folders.get(path.parent, 0) + 1
    fullest = max(folders, key=lambda folder: folders[folder])
    yield "modules, lines", f"{len(paths)}, {sum(lines.values())}"
    yield "fullest folder", f"{fullest.relative_to(package.parent)}, {folders[fullest]} modules"
    yield "module lines, median / p90 / most", spread(list(lines.values()))
    yield "modules over 400 lines", str(sum(count > 400 for count in lines.values()))
    yield "function lines, median / p90 / most", spread([body_lines(function) for function in every])
    yield "parameters, median / p90 / most", spread([parameters(function) for function in every])
    yield "public functions with a docstring", f"{len(told)} of {len(public)}, {len(told) / len(public):.0%}"
    for room in DECODING:
        own = [path for path in paths if path.relative_to(package).parts[0] == room]
        share = 100 * sum(map(comments, own)) / sum(lines[path] for path in own)
        yield f"comment lines in 100 lines of {room}", f"{share:.1f}"
    kernels = [path.read_text("utf-8").splitlines() for path in sorted(package.rglob("*.pyx"))]
    share = 100 * sum("#" in line for text in kernels for line in text) / sum(map(len, kernels))
    yield "comment lines in 100 lines of kernels", f"{share:.1f}"


def main(arguments: Sequence[str]) -> None:
    """Print the figures of one checkout."""
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    for what, figure in figures(root / "aoftool"):
        print(f"{what:44} {figure}")


if __name__ == "__main__":
    main(sys.argv[1:])
