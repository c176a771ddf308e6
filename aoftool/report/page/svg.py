"""Charts as SVG of our own: paths over one normalised axis, so that a range of it is one attribute to change.

Every plot is an inner coordinate system of WIDTH units that is stretched to whatever width there is; text is
never inside of one, as it would be stretched too. Style is in classes: the policy of the page forbids style
attributes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from aoftool.report.page.model import Bars, Lanes, LanesMark, Segment, Stack, Strip, Tile
from aoftool.report.page.treemap import squarified
from aoftool.units import format_bytes

__all__ = [
    "HEIGHT",
    "WIDTH",
    "bar_svg",
    "lane_svg",
    "stack_svg",
    "strip_svg",
    "ticks_svg",
    "tiles_svg",
    "top_of",
]

WIDTH = 12_000
HEIGHT = 1_000
_LANE = 20
_COLORS = 9
_PLOT = Markup(
    '<svg class="{}" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-labelledby="{}">{}</svg>'
)
_LINE = Markup('<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>')
_TITLED = Markup('<g class="{}"><title>{}</title>{}</g>')


def _joined(parts: Iterator[Markup]) -> Markup:
    return Markup("").join(parts)


def top_of(chart: Stack) -> int:
    """Return the value at the upper edge of a chart; at least 1."""
    columns = zip(*(row.values for row in chart.rows), strict=True)
    tops = [max(column) if chart.is_line else sum(column) for column in columns]
    return max(tops, default=0) or 1


def stack_svg(chart: Stack) -> Markup:
    """Return the plot of a stacked chart, or of lines."""
    top = top_of(chart)
    inner = _joined(iter([_grid(), *(_lines(chart, top) if chart.is_line else _layers(chart, top))]))
    labels = f"{chart.id}-title {chart.id}-text"
    return _PLOT.format("plot zoom tall", WIDTH, HEIGHT, labels, inner)


def _grid() -> Markup:
    return _joined(
        _LINE.format("grid", 0, WIDTH, at, at) for at in (HEIGHT // 4, HEIGHT // 2, HEIGHT * 3 // 4)
    )


def _layers(chart: Stack, top: int) -> Iterator[Markup]:
    steps = len(chart.edges) - 1
    below = [0] * steps
    for number, row in enumerate(chart.rows):
        path = []
        for at, value in enumerate(row.values):
            if value <= 0:
                continue
            left, right = WIDTH * at // steps, WIDTH * (at + 1) // steps
            high = HEIGHT - round(HEIGHT * (below[at] + value) / top)
            low = HEIGHT - round(HEIGHT * below[at] / top)
            if low > high:
                path.append(f"M{left} {low}V{high}H{right}V{low}z")
            below[at] += value
        yield Markup('<path class="fill c{}" d="{}"/>').format(number % _COLORS, "".join(path))


def _lines(chart: Stack, top: int) -> Iterator[Markup]:
    for number, row in enumerate(chart.rows):
        steps = len(row.values)
        points = " ".join(
            f"{round(WIDTH * (at + 0.5) / steps)},{HEIGHT - round(HEIGHT * value / top)}"
            for at, value in enumerate(row.values)
        )
        yield Markup('<polyline class="line l{}" points="{}"/>').format(number % _COLORS, points)


def ticks_svg(edges: Sequence[int], ticks: Sequence[tuple[int, str]]) -> Markup:
    """Return what is written below a plot; the labels of the ends stay inside."""
    first, span = edges[0], max(edges[-1] - edges[0], 1)
    parts = []
    for number, (place, label) in enumerate(ticks):
        share = 100 * (place - first) / span
        anchor = "start" if not number else "end" if number == len(ticks) - 1 else "middle"
        kind = "" if number in (0, len(ticks) - 1) else " inner" if number % 3 else " third"
        parts.append(
            Markup('<text class="tick{}" x="{:.3f}%" y="13" text-anchor="{}">{}</text>').format(
                kind, share, anchor, label
            )
        )
    return Markup('<svg class="ticks" aria-hidden="true">{}</svg>').format(_joined(iter(parts)))


def lane_svg(chart: Lanes, number: int) -> Markup:
    """Return the marks of one lane."""
    name, marks = chart.lanes[number]
    first, span = chart.edges[0], max(chart.edges[-1] - chart.edges[0], 1)
    inner = _joined(_mark(mark, first, span, number) for mark in marks)
    plot = Markup('<svg class="plot zoom lane" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img">')
    title = Markup("<title>{}: {} marks</title>").format(name, len(marks))
    return plot.format(WIDTH, _LANE) + title + inner + Markup("</svg>")


def _mark(mark: LanesMark, first: int, span: int, number: int) -> Markup:
    left, right = (
        max(0, min(WIDTH, round(WIDTH * (at - first) / span))) for at in (mark.at, max(mark.until, mark.at))
    )
    shape = _LINE.format("mark", left, left, 0, _LANE)
    if right > left:
        shape += Markup('<rect class="span" x="{}" y="4" width="{}" height="12"/>').format(left, right - left)
    return _TITLED.format(f"m{number % _COLORS}", mark.text, shape)


def tiles_svg(tiles: Sequence[Tile], labels: str) -> Markup:
    """Return a treemap; each tile is a picture of its own that cuts off what has no room in it."""
    places = squarified([tile.size for tile in tiles], 100.0, 42.0)
    inner = _joined(
        _tile(tile, place, at) for at, (tile, place) in enumerate(zip(tiles, places, strict=True))
    )
    hatch = Markup(
        '<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse"'
        ' patternTransform="rotate(45)"><rect class="hatch" width="3" height="7"/></pattern></defs>'
    )
    return Markup('<svg class="tiles" role="img" aria-labelledby="{}">{}{}</svg>').format(
        labels, hatch, inner
    )


def _tile(tile: Tile, place: tuple[float, float, float, float], at: int) -> Markup:
    x, y, width, height = place
    dead = Markup("")
    if tile.dead:
        share = 100 * min(tile.dead / tile.size, 1.0)
        dead = Markup(
            '<rect class="dead" y="{:.2f}%" width="100%" height="{:.2f}%" fill="url(#hatch)"/>'
        ).format(100 - share, share)
    words = Markup("")
    if width > 6 and height > 3:
        words = Markup('<text x="7" y="17">{}</text>').format(tile.name)
        if height > 7:
            words += Markup('<text class="small" x="7" y="33">{}</text>').format(format_bytes(tile.size))
    return Markup(
        '<svg x="{:.3f}%" y="{:.3f}%" width="{:.3f}%" height="{:.3f}%"><title>{}: {}</title>'
        '<rect class="tile c{}" width="100%" height="100%"/>{}{}</svg>'
    ).format(x, y * 100 / 42, width, height * 100 / 42, tile.name, tile.text, at % _COLORS, dead, words)


def strip_svg(strip: Strip, largest: int) -> Markup:
    """Return a file drawn to scale, and below it what a repair would do with it."""
    scale = WIDTH / max(largest, 1)
    inner = _joined(_segment(segment, scale, 0, 16 if strip.repaired else 20) for segment in strip.segments)
    inner += _joined(_segment(segment, scale, 16, 4) for segment in strip.repaired)
    title = Markup("<title>{}: {}</title>").format(strip.name, "; ".join(s.text for s in strip.segments[:12]))
    frame = Markup('<rect class="frame" width="{}" height="20"/>').format(max(round(strip.size * scale), 1))
    plot = Markup('<svg class="plot strip" viewBox="0 0 {} 20" preserveAspectRatio="none" role="img">')
    return plot.format(WIDTH) + title + frame + inner + Markup("</svg>")


def _segment(segment: Segment, scale: float, top: int, height: int) -> Markup:
    left, right = round(segment.start * scale), round(segment.end * scale)
    shape = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
        segment.kind, left, top, max(right - left, 1), height
    )
    if segment.kind in ("damage", "aside"):
        shape += _LINE.format(f"{segment.kind}-line", left, left, top, top + height)
    return _TITLED.format("segment", segment.text, shape)


def bar_svg(chart: Bars, number: int) -> Markup:
    """Return the parts of one row as one bar, on the scale of the longest."""
    most = max(sum(row.values) for row in chart.rows) or 1
    row = chart.rows[number]
    parts, left = [], 0
    for at, value in enumerate(row.values):
        width = round(WIDTH * value / most)
        rect = Markup('<rect class="c{}" x="{}" y="0" width="{}" height="20"/>').format(at, left, width)
        parts.append(_TITLED.format("part", f"{chart.parts[at]}: {value:,}", rect))
        left += width
    words = ", ".join(f"{value:,} {part}" for part, value in zip(chart.parts, row.values, strict=True))
    title = Markup("<title>{}: {}</title>").format(row.name, words)
    plot = Markup('<svg class="plot bar" viewBox="0 0 {} 20" preserveAspectRatio="none" role="img">')
    return plot.format(WIDTH) + title + _joined(iter(parts)) + Markup("</svg>")
