"""Places in sorted sets: GEOADD, and the searches that store what they find.

Source: Redis 7.0 src/geo.c geoaddCommand, georadiusGeneric; BYPOLYGON is measured on Valkey 9.1.2
"""

from __future__ import annotations

from aoftool.dataclass import dataclass
from aoftool.keyspace.algorithms.geohash import (
    MAX_LATITUDE,
    MAX_LONGITUDE,
    Shape,
    decode_score,
    encode_score,
    search_ranges,
)
from aoftool.keyspace.algorithms.partial_sort import partial_sort
from aoftool.keyspace.apply.zsets import apply_zadd
from aoftool.keyspace.context import Argv, Context
from aoftool.keyspace.numbers import parse_float, parse_int
from aoftool.keyspace.refusal import SYNTAX, CommandRefused
from aoftool.keyspace.registry import CommandTable
from aoftool.keyspace.zset_encoding import settle
from aoftool.namedtuple import NamedTuple
from aoftool.values import ZSetValue

__all__ = ["TABLE"]

TABLE = CommandTable()

_UNITS = {b"m": 1.0, b"km": 1000.0, b"ft": 0.3048, b"mi": 1609.34}
# What a search costs for each member, in steps (`Context.spend`); measured on CPython 3.11.
_SEARCH_STEPS = 24
# Names its own centre.
_POLYGON = b"BYPOLYGON"
_BAD_UNIT = "ERR unsupported unit provided. please use M, KM, FT, MI"
_NOT_A_PLACE = "ERR could not decode requested zset member"


def _place(ctx: Context, argv: Argv) -> tuple[float, float]:
    """Return a longitude and a latitude within the range that geohashes cover."""
    longitude, latitude = (parse_float(t, hexadecimal=ctx.flavour.hex_scores) for t in argv[:2])
    if not (abs(longitude) <= MAX_LONGITUDE and abs(latitude) <= MAX_LATITUDE):
        raise CommandRefused(f"ERR invalid longitude,latitude pair {longitude:f},{latitude:f}")
    return longitude, latitude


@TABLE.command(b"GEOADD", -5)
def apply_geoadd(ctx: Context, argv: Argv) -> None:
    """Run the ZADD that a GEOADD stands for."""
    start = 2
    words = set()
    while start < len(argv) and (word := argv[start].upper()) in (b"NX", b"XX", b"CH"):
        words.add(word)
        start += 1
    if (len(argv) - start) % 3 or {b"NX", b"XX"} <= words:
        raise CommandRefused(SYNTAX)
    zadd = [b"ZADD", *argv[1:start]]
    for at in range(start, len(argv), 3):
        zadd += [b"%d" % encode_score(*_place(ctx, argv[at : at + 2])), argv[at + 2]]
    apply_zadd(ctx, zadd)


class _Found(NamedTuple):
    """A member within the shape."""

    distance_m: float
    score: float
    member: bytes


@dataclass(slots=True)
class _Search:
    """A search as its arguments say it."""

    shape: Shape
    store: bytes | None = None
    store_distance: bool = False
    count: int = 0
    any_order: bool = False
    order: bytes = b""
    centre: bytes = b""
    size: bytes = b""
    shows: bool = False


def _unit(ctx: Context, text: bytes) -> float:
    """Return metres in a unit; 6.2 knows it in lower case only."""
    unit = _UNITS.get(text.lower() if ctx.flavour.has((7, 0), (7, 2)) else text)
    if unit is None:
        raise CommandRefused(_BAD_UNIT)
    return unit


def _size(ctx: Context, text: bytes, what: str) -> float:
    refusal = f"ERR need numeric {what}"
    size = parse_float(text, hexadecimal=ctx.flavour.hex_scores, refusal=refusal)
    if size < 0:
        raise CommandRefused(f"ERR {what} cannot be negative")
    return size


def _set_centre(shape: Shape, place: tuple[float, float]) -> None:
    shape.longitude, shape.latitude = place


def _centre_on_member(shape: Shape, value: ZSetValue | None, member: bytes) -> None:
    if value is None:
        return
    score = value.get(member)
    if score is None:
        raise CommandRefused(_NOT_A_PLACE)
    _set_centre(shape, decode_score(score))


def _set_radius(ctx: Context, shape: Shape, argv: Argv) -> None:
    shape.radius = _size(ctx, argv[0], "radius")
    shape.unit = _unit(ctx, argv[1])


def _parse_options(
    ctx: Context, search: _Search, argv: Argv, at: int, value: ZSetValue | None, *, by_shape: bool
) -> None:
    """Read the options from a position on; `by_shape` is the grammar of GEOSEARCHSTORE."""
    while at < len(argv):
        word, left = argv[at].upper(), len(argv) - at - 1
        if word in (b"WITHDIST", b"WITHHASH", b"WITHCOORD"):
            search.shows = True
        elif word == b"ANY":
            search.any_order = True
        elif word in (b"ASC", b"DESC"):
            search.order = word
        elif word == b"COUNT" and left:
            at += 1
            search.count = parse_int(argv[at])
            if search.count <= 0:
                raise CommandRefused("ERR COUNT must be > 0")
        elif word in (b"STORE", b"STOREDIST") and left and not by_shape:
            at += 1
            search.store, search.store_distance = argv[at], word == b"STOREDIST"
        elif word == b"STOREDIST" and by_shape:
            search.store_distance = True
        elif by_shape:
            at += _parse_shape(ctx, search, argv, at, value)
        else:
            raise CommandRefused(SYNTAX)
        at += 1


def _parse_shape(ctx: Context, search: _Search, argv: Argv, at: int, value: ZSetValue | None) -> int:
    """Read one option of the shape; return how many arguments it took."""
    shape = search.shape
    word, rest = argv[at].upper(), argv[at + 1 :]
    takes = {b"FROMMEMBER": 1, b"FROMLONLAT": 2, b"BYRADIUS": 2, b"BYBOX": 3}.get(word)
    if word == b"BYPOLYGON" and ctx.flavour.has(None, (9, 0)):
        return _parse_polygon(ctx, search, rest)
    if takes is None or len(rest) < takes or _excluded(search, word):
        raise CommandRefused(SYNTAX)
    if word == b"FROMMEMBER":
        _centre_on_member(shape, value, rest[0])
    elif word == b"FROMLONLAT":
        _set_centre(shape, _place(ctx, rest))
    elif word == b"BYRADIUS":
        _set_radius(ctx, shape, rest)
    else:
        shape.width, shape.height = _size(ctx, rest[0], "width"), _size(ctx, rest[1], "height")
        shape.unit = _unit(ctx, rest[2])
    if word in (b"FROMMEMBER", b"FROMLONLAT"):
        search.centre = word
    else:
        search.size = word
    return takes


def _parse_polygon(ctx: Context, search: _Search, rest: Argv) -> int:
    """Read the number of corners and the corners behind BYPOLYGON; return how many arguments these are."""
    if len(rest) < 2 or search.centre not in (b"", _POLYGON) or search.size not in (b"", _POLYGON):
        raise CommandRefused(SYNTAX)
    corners = parse_int(rest[0])
    if not 3 <= corners <= (len(rest) - 1) // 2:
        raise CommandRefused("ERR GEOSEARCH BYPOLYGON must have at least 3 vertices")
    search.shape.surround(_place(ctx, rest[at : at + 2]) for at in range(1, 2 * corners, 2))
    search.shape.unit = 1.0
    search.centre = search.size = _POLYGON
    return 1 + 2 * corners


def _excluded(search: _Search, word: bytes) -> bool:
    """Tell whether the other way to name the centre or the size was used before."""
    given = search.centre if word in (b"FROMMEMBER", b"FROMLONLAT") else search.size
    return given not in (b"", word)


def _find(value: ZSetValue, search: _Search) -> list[_Found]:
    """Return the members within the shape, in the order in which a server comes upon them."""
    ranking = value.ranking()
    limit = search.count if search.any_order else 0
    found: list[_Found] = []
    for low, high in search_ranges(search.shape):
        start = ranking.first_at_least((float(low),))
        stop = ranking.first_at_least((float(high),))
        for score, member in ranking.between(start, stop):
            distance = search.shape.distance_if_within(*decode_score(score))
            if distance is not None:
                found.append(_Found(distance, score, member))
            if limit and len(found) >= limit:
                return found
    return found


def _compare_distances(one: _Found, other: _Found) -> int:
    if one.distance_m > other.distance_m:
        return 1
    return 0 if one.distance_m == other.distance_m else -1


def _compare_backwards(one: _Found, other: _Found) -> int:
    return -_compare_distances(one, other)


def _ordered(found: list[_Found], search: _Search) -> list[_Found]:
    """Sort if asked to, and keep as many as COUNT says. COUNT without ANY asks for the nearest."""
    order = search.order or (b"ASC" if search.count and not search.any_order else b"")
    kept = min(search.count or len(found), len(found))
    if order and kept < len(found):
        compare = _compare_distances if order == b"ASC" else _compare_backwards
        partial_sort(found, compare, 0, kept - 1)
    return found[:kept]


def _run(ctx: Context, search: _Search, value: ZSetValue | None) -> None:
    if search.any_order and not search.count:
        raise CommandRefused("ERR the ANY argument requires COUNT argument")
    if search.store is None:
        return
    if search.shows:
        raise CommandRefused(
            "ERR STORE option is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
        )
    result = ZSetValue()
    if value is not None:
        if search.centre == _POLYGON and abs(search.shape.latitude) > MAX_LATITUDE:
            # Source: Valkey 9.0 src/geohash.c geohashEncode leaves its result, which is unset, as it was.
            why = (
                f"the middle of a polygon lies beyond {MAX_LATITUDE} degrees, and a server reads unset memory"
            )
            ctx.choose("what is in a polygon", why)
        ctx.spend((_SEARCH_STEPS + len(search.shape.corners)) * len(value))
        for distance_m, score, member in _ordered(_find(value, search), search):
            result[member] = distance_m / search.shape.unit if search.store_distance else score
    if value is None and search.store in ctx.db.values:
        _require_known_outcome(ctx)
    if result:
        ctx.make(result)
        settle(result, ctx.flavour)
        ctx.db.put(search.store, result)
    else:
        ctx.db.delete(search.store)


def _require_known_outcome(ctx: Context) -> None:
    """Choose, or stop, where the patch release decides whether the destination goes with a missing source.

    Servers before 6.2.6 do nothing then, and log nothing. So a server with this in its log deleted the
    destination; but one that loads the log may keep it.

    Source: measured on 6.0.16, 6.2.5 and 6.2.14
    """
    if ctx.flavour.geo_store_clears is None:
        ctx.choose(
            "the destination",
            "Redis before 6.2.6 keeps the destination of a missing source, and later ones delete it;"
            " --written-by redis-6.2.14, with the right patch number, tells which",
        )


def _new_search(ctx: Context) -> _Search:
    return _Search(Shape(plain_haversine=not ctx.flavour.has((7, 0), (7, 2))))


def _source(ctx: Context, key: bytes) -> tuple[ZSetValue | None, bool]:
    """Return the set to search, and whether to go on: before 6.2.6 it ends where that is missing."""
    value = ctx.get(key, ZSetValue)
    return value, value is not None or ctx.flavour.geo_store_clears is not False


@TABLE.command(b"GEORADIUS", -6)
def apply_georadius(ctx: Context, argv: Argv) -> None:
    value, goes_on = _source(ctx, argv[1])
    if not goes_on:
        return
    search = _new_search(ctx)
    _set_centre(search.shape, _place(ctx, argv[2:4]))
    _set_radius(ctx, search.shape, argv[4:6])
    _parse_options(ctx, search, argv, 6, value, by_shape=False)
    _run(ctx, search, value)


@TABLE.command(b"GEORADIUSBYMEMBER", -5)
def apply_georadiusbymember(ctx: Context, argv: Argv) -> None:
    value, goes_on = _source(ctx, argv[1])
    if not goes_on:
        return
    search = _new_search(ctx)
    if value is not None:
        _centre_on_member(search.shape, value, argv[2])
        _set_radius(ctx, search.shape, argv[3:5])
    _parse_options(ctx, search, argv, 5, value, by_shape=False)
    _run(ctx, search, value)


@TABLE.command(b"GEOSEARCHSTORE", -8, redis=(6, 2))
def apply_geosearchstore(ctx: Context, argv: Argv) -> None:
    value, goes_on = _source(ctx, argv[2])
    if not goes_on:
        return
    search = _new_search(ctx)
    search.store = argv[1]
    _parse_options(ctx, search, argv, 3, value, by_shape=True)
    if not search.centre:
        raise CommandRefused("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified")
    if not search.size:
        raise CommandRefused("ERR exactly one of BYRADIUS and BYBOX can be specified")
    _run(ctx, search, value)
