"""Geohashes of 52 bits, distances on the sphere, and the boxes a search looks into.

Every step is done in the servers' order with doubles: results depend on it to the last digit. Knows
no command and no sorted set.

Source: Redis 7.0 src/geohash.c, src/geohash_helper.c; 6.2 differs where `plain_haversine` says so; polygons:
Valkey 9.0 src/geohash_helper.c
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from aoftool.dataclass import dataclass
from aoftool.namedtuple import NamedTuple

__all__ = ["MAX_LATITUDE", "MAX_LONGITUDE", "Area", "Shape", "decode_score", "encode_score", "search_ranges"]

MAX_LATITUDE = 85.05112878
MAX_LONGITUDE = 180.0
_STEPS = 26
_EARTH_RADIUS_M = 6372797.560856
_MERCATOR_MAX = 20037726.37
_DEGREE = math.pi / 180.0
_LONGITUDE_BITS = 0xAAAAAAAAAAAAAAAA
_LATITUDE_BITS = 0x5555555555555555
_MASK = (1 << 64) - 1


class Area(NamedTuple):
    """The rectangle that a geohash stands for, in degrees."""

    min_longitude: float
    max_longitude: float
    min_latitude: float
    max_latitude: float


class _Hash(NamedTuple):
    """A geohash of twice `step` bits."""

    bits: int
    step: int


def _spread(number: int) -> int:
    """Put the 32 bits of a number at every second position."""
    number &= 0xFFFFFFFF
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ):
        number = (number | number << shift) & mask
    return number


def _gather(bits: int) -> int:
    """Undo `_spread`."""
    bits &= _LATITUDE_BITS
    for shift, mask in (
        (1, 0x3333333333333333),
        (2, 0x0F0F0F0F0F0F0F0F),
        (4, 0x00FF00FF00FF00FF),
        (8, 0x0000FFFF0000FFFF),
        (16, 0x00000000FFFFFFFF),
    ):
        bits = (bits | bits >> shift) & mask
    return bits


def _encode(longitude: float, latitude: float, step: int) -> _Hash:
    latitude_offset = (latitude - -MAX_LATITUDE) / (MAX_LATITUDE - -MAX_LATITUDE)
    longitude_offset = (longitude - -MAX_LONGITUDE) / (MAX_LONGITUDE - -MAX_LONGITUDE)
    scale = 1 << step
    bits = _spread(int(latitude_offset * scale)) | _spread(int(longitude_offset * scale)) << 1
    return _Hash(bits, step)


def encode_score(longitude: float, latitude: float) -> int:
    """Return the score of a place: its geohash as a 52-bit number."""
    return _encode(longitude, latitude, _STEPS).bits


def _decode(geohash: _Hash) -> Area:
    scale = float(1 << geohash.step)
    latitude, longitude = _gather(geohash.bits), _gather(geohash.bits >> 1)
    height, width = MAX_LATITUDE - -MAX_LATITUDE, MAX_LONGITUDE - -MAX_LONGITUDE
    return Area(
        -MAX_LONGITUDE + (longitude / scale) * width,
        -MAX_LONGITUDE + (((longitude + 1) & 0xFFFFFFFF) / scale) * width,
        -MAX_LATITUDE + (latitude / scale) * height,
        -MAX_LATITUDE + (((latitude + 1) & 0xFFFFFFFF) / scale) * height,
    )


def _cell_bits(score: float) -> int:
    """Return a score as 64 bits without sign, as compiled servers convert it.

    C leaves open what becomes of a score out of range. Source: measured with `inf` and `-inf` on every server
    at hand, on x86-64, where what is too large becomes 0, and what is too small the highest bit.
    """
    if score >= 2.0**64:
        return 0
    return int(score) & _MASK if score >= -(2.0**63) else 1 << 63


def decode_score(score: float) -> tuple[float, float]:
    """Return the middle (longitude, latitude) of the place a score stands for."""
    bits = _cell_bits(score)
    area = _decode(_Hash(bits, _STEPS))
    longitude = (area.min_longitude + area.max_longitude) / 2
    latitude = (area.min_latitude + area.max_latitude) / 2
    return (
        max(min(longitude, MAX_LONGITUDE), -MAX_LONGITUDE),
        max(min(latitude, MAX_LATITUDE), -MAX_LATITUDE),
    )


def _radians(degrees: float) -> float:
    return degrees * _DEGREE


@dataclass(slots=True)
class Shape:
    """What is searched: a circle, a rectangle along the meridians, or a polygon.

    Attributes:
        longitude, latitude: the centre, degrees.
        unit: metres in one unit of the sizes.
        radius: of a circle; None for another shape.
        width, height: of a rectangle.
        corners: of a polygon, longitudes and latitudes in degrees.
        plain_haversine: as 6.2: no short cut for equal longitudes, and the search boxes are chosen
            by distances instead of by a bounding box.
    """

    longitude: float = 0.0
    latitude: float = 0.0
    unit: float = 1.0
    radius: float | None = None
    width: float = 0.0
    height: float = 0.0
    corners: tuple[tuple[float, float], ...] = ()
    plain_haversine: bool = False

    def surround(self, corners: Iterable[tuple[float, float]]) -> None:
        """Become a polygon, whose centre is the middle of its corners on the sphere."""
        self.corners = tuple(corners)
        x = y = z = 0.0
        for longitude, latitude in self.corners:
            across, up = _radians(longitude), _radians(latitude)
            x += math.cos(up) * math.cos(across)
            y += math.cos(up) * math.sin(across)
            z += math.sin(up)
        self.longitude = math.atan2(y, x) / _DEGREE
        self.latitude = math.atan2(z, math.sqrt(x * x + y * y)) / _DEGREE

    def distance_if_within(self, longitude: float, latitude: float) -> float | None:
        """Return the distance of a place from the centre in metres, None when it is outside."""
        if self.corners and not self._is_inside(longitude, latitude):
            return None
        distance = self._distance(self.longitude, self.latitude, longitude, latitude)
        if self.corners:
            return distance
        if self.radius is not None:
            return None if distance > self.radius * self.unit else distance
        if self._latitude_distance(longitude, latitude) > self.height * self.unit / 2:
            return None
        across = self._distance(longitude, latitude, self.longitude, latitude)
        return None if across > self.width * self.unit / 2 else distance

    def _is_inside(self, longitude: float, latitude: float) -> bool:
        """Tell whether a ray from a place to the east leaves the polygon an odd number of times."""
        inside = False
        before = self.corners[-1]
        for corner in self.corners:
            if (corner[1] > latitude) != (before[1] > latitude) and longitude < (before[0] - corner[0]) * (
                latitude - corner[1]
            ) / (before[1] - corner[1]) + corner[0]:
                inside = not inside
            before = corner
        return inside

    def _latitude_distance(self, longitude: float, latitude: float) -> float:
        if self.plain_haversine:
            return self._distance(longitude, latitude, longitude, self.latitude)
        return _EARTH_RADIUS_M * abs(_radians(self.latitude) - _radians(latitude))

    def _distance(self, lon1: float, lat1: float, lon2: float, lat2: float) -> float:
        v = math.sin((_radians(lon2) - _radians(lon1)) / 2)
        lat1_r, lat2_r = _radians(lat1), _radians(lat2)
        if v == 0.0 and not self.plain_haversine:
            return _EARTH_RADIUS_M * abs(lat2_r - lat1_r)
        u = math.sin((lat2_r - lat1_r) / 2)
        a = u * u + math.cos(lat1_r) * math.cos(lat2_r) * v * v
        # Rounding may lift antipodes above 1, where C's asin gives NaN and no comparison holds.
        return 2.0 * _EARTH_RADIUS_M * math.asin(math.sqrt(a)) if a <= 1.0 else math.nan

    def _reach_m(self) -> float:
        """Return the radius of a circle around the whole shape, metres."""
        if self.corners:
            bounds = self._bounds()
            reach = -1.0
            for latitude in (bounds.max_latitude, bounds.min_latitude):
                for longitude in (bounds.min_longitude, bounds.max_longitude):
                    distance = self._distance(self.longitude, self.latitude, longitude, latitude)
                    reach = distance if reach < 0 or distance > reach else reach
            return reach
        if self.radius is not None:
            return self.radius * self.unit
        half = (self.width / 2) * (self.width / 2) + (self.height / 2) * (self.height / 2)
        return math.sqrt(half) * self.unit

    def _bounds(self) -> Area:
        if self.corners:
            longitudes, latitudes = zip(*self.corners, strict=True)
            return Area(min(longitudes), max(longitudes), min(latitudes), max(latitudes))
        height = self.unit * (self.radius if self.radius is not None else self.height / 2)
        width = self.unit * (self.radius if self.radius is not None else self.width / 2)
        latitude_delta = height / _EARTH_RADIUS_M / _DEGREE
        edge = self.latitude - latitude_delta if self.latitude < 0 else self.latitude + latitude_delta
        # An infinite size is no number to Python's cosine; C makes it NaN, which no comparison holds.
        cosine = math.cos(_radians(edge)) if math.isfinite(edge) else math.nan
        longitude_delta = width / _EARTH_RADIUS_M / cosine / _DEGREE
        return Area(
            self.longitude - longitude_delta,
            self.longitude + longitude_delta,
            self.latitude - latitude_delta,
            self.latitude + latitude_delta,
        )

    def _boxes(self, step: int) -> list[_Hash]:
        """Return the box of the centre and its neighbours: N, S, E, W, NE, NW, SE, SW."""
        centre = _encode(self.longitude, self.latitude, step)
        moves = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1))
        return [_moved(centre, east, north) for east, north in moves]

    def _is_covered(self, boxes: list[_Hash], bounds: Area) -> bool:
        """Tell whether the boxes reach as far as the shape."""
        north, south, east, west = (_decode(box) for box in boxes[1:5])
        if not self.plain_haversine:
            return not (
                north.max_latitude < bounds.max_latitude
                or south.min_latitude > bounds.min_latitude
                or east.max_longitude < bounds.max_longitude
                or west.min_longitude > bounds.min_longitude
            )
        longitude, latitude = self.longitude, self.latitude
        edges = (
            (longitude, north.max_latitude),
            (longitude, south.min_latitude),
            (east.max_longitude, latitude),
            (west.min_longitude, latitude),
        )
        reach = self._reach_m()
        return not any(self._distance(longitude, latitude, *edge) < reach for edge in edges)


def _moved(box: _Hash, east: int, north: int) -> _Hash:
    """Return the box that lies that many boxes to the east and north; the edges wrap."""
    shift = 64 - box.step * 2
    longitude, latitude = box.bits & _LONGITUDE_BITS, box.bits & _LATITUDE_BITS
    longitude = _stepped(longitude, east, _LATITUDE_BITS >> shift, _LONGITUDE_BITS >> shift)
    latitude = _stepped(latitude, north, _LONGITUDE_BITS >> shift, _LATITUDE_BITS >> shift)
    return _Hash(longitude | latitude, box.step)


def _stepped(bits: int, by: int, gaps: int, own: int) -> int:
    """Add or subtract one in a number whose bits are spread, through the gaps between them."""
    if by > 0:
        bits = bits + gaps + 1
    elif by < 0:
        bits = (bits | gaps) - (gaps + 1)
    else:
        return bits
    return bits & _MASK & own


def _estimated_step(reach_m: float, latitude: float) -> int:
    if reach_m == 0:
        return _STEPS
    step = 1
    while reach_m < _MERCATOR_MAX:
        reach_m *= 2
        step += 1
    step -= 2
    if not -66 <= latitude <= 66:
        step -= 1
        if not -80 <= latitude <= 80:
            step -= 1
    return min(max(step, 1), _STEPS)


def search_ranges(shape: Shape) -> list[tuple[int, int]]:
    """Return the half-open ranges of scores in which to look, in the servers' order."""
    bounds = shape._bounds()
    step = _estimated_step(shape._reach_m(), shape.latitude)
    boxes = shape._boxes(step)
    if step > 1 and not shape._is_covered(boxes, bounds):
        step -= 1
        boxes = shape._boxes(step)
    skipped = _useless(_decode(boxes[0]), bounds) if step >= 2 else set()
    ranges = []
    last: _Hash | None = None
    for at, box in enumerate(boxes):
        # With huge shapes neighbours coincide; servers skip only one that equals the last searched.
        if at in skipped or box == last:
            continue
        shift = 52 - box.step * 2
        ranges.append((box.bits << shift, (box.bits + 1) << shift))
        last = box if at else None
    return ranges


def _useless(area: Area, bounds: Area) -> set[int]:
    """Return the indexes of neighbours that the shape does not reach."""
    skipped: set[int] = set()
    if area.min_latitude < bounds.min_latitude:
        skipped |= {2, 7, 8}
    if area.max_latitude > bounds.max_latitude:
        skipped |= {1, 5, 6}
    if area.min_longitude < bounds.min_longitude:
        skipped |= {4, 6, 8}
    if area.max_longitude > bounds.max_longitude:
        skipped |= {3, 5, 7}
    return skipped
