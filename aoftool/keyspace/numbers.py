"""Numbers in command arguments, read and written as the servers do.

Knows 64-bit integers, scores (doubles) and the 80-bit floats of INCRBYFLOAT. Python's own parsers
are too generous: they take blanks, underscores and a plus sign.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from aoftool.keyspace.refusal import NOT_A_FLOAT, NOT_AN_INTEGER, CommandRefused
from aoftool.regex import regex

# Few logs need it, and it loads what reckons with decimals.
if TYPE_CHECKING:
    from fractions import Fraction

__all__ = [
    "INT64_MAX",
    "INT64_MIN",
    "UINT64_MAX",
    "add_long_doubles",
    "format_long_double",
    "is_canonical_int64",
    "parse_float",
    "parse_int",
    "parse_long_double",
    "parse_positive",
    "strtod",
]

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1
UINT64_MAX = 2**64 - 1

_DECIMAL = regex(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_HEXADECIMAL = regex(rb"[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?\d+)?")
_INFINITY = regex(rb"[+-]?inf(?:inity)?", re.IGNORECASE)
_NONZERO = regex(rb"[1-9a-fA-F]")
_EXPONENT = regex(rb"[eEpP]")
# Fits a double without any rounding of the exponent range.
_SHORT = 300
# x86 long double: 64 bits of mantissa, exponents up to 16383.
_MANTISSA_BITS = 64
_LONG_DOUBLE_MAX: int = (2**64 - 1) * 2 ** (16383 - 63)
# One by half of the least one above 0.
_LONG_DOUBLE_UNDERFLOW: int = 2**16446
_LONG_DOUBLE_DIGITS = 17
_LONGEST_LONG_DOUBLE = 5 * 1024
_LONGEST_EXPONENT = 8
# Beyond it, with 5 * 1024 digits or fewer, the value overflows or is zero; hexadecimal exponents
# count bits, so four times as many.
_EXPONENT_LIMIT = 10_100
# Below the 4300 digits that Python converts between integers and text in one go.
_LONG_STEP_DIGITS = 4000
_LONG_STEP: int = 10**_LONG_STEP_DIGITS


def is_canonical_int64(text: bytes | bytearray) -> bool:
    """Tell whether the servers read this text as a 64-bit integer."""
    try:
        number = int(text)
    except ValueError:
        return False
    return b"%d" % number == text and INT64_MIN <= number <= INT64_MAX


def parse_int(text: bytes | bytearray, refusal: str = NOT_AN_INTEGER) -> int:
    """Return a signed 64-bit integer: canonical decimal, so no plus, blank or leading zero.

    Raises:
        CommandRefused: with the text given.

    Source: Redis 7.0 src/util.c string2ll
    """
    try:
        number = int(text)
    except ValueError:
        raise CommandRefused(refusal) from None
    if b"%d" % number != text or not INT64_MIN <= number <= INT64_MAX:
        raise CommandRefused(refusal)
    return number


def parse_positive(text: bytes, refusal: str = "ERR value is out of range, must be positive") -> int:
    """Return an integer that is zero or more."""
    number = parse_int(text)
    if number < 0:
        raise CommandRefused(refusal)
    return number


def parse_float(text: bytes, *, hexadecimal: bool = True, refusal: str = NOT_A_FLOAT) -> float:
    """Return a double as strtod reads it, if the servers take it.

    They refuse blanks, NaN, and texts that overflow or underflow to nothing; Valkey 9 also refuses
    hexadecimal floats.

    Source: Redis 7.0 src/object.c getDoubleFromObject; measured on 6.2.5 to 9.1.2
    """
    if text.isdigit() and len(text) < _SHORT:
        return float(text)
    if _DECIMAL.fullmatch(text):
        number = float(text)
        digits = _EXPONENT.split(text, maxsplit=1)[0]
    elif _INFINITY.fullmatch(text):
        return float(text)
    elif hexadecimal and _HEXADECIMAL.fullmatch(text):
        number = _parse_hexadecimal(text, refusal)
        digits = text.lower().split(b"p")[0].replace(b"x", b"")
    else:
        raise CommandRefused(refusal)
    if math.isinf(number) or (number == 0 and _NONZERO.search(digits)):
        raise CommandRefused(refusal)
    return number


def strtod(text: bytes, *, plain: bool) -> float | None:
    """Return what C's strtod makes of a whole text, None when something is left over or it is NaN.

    Too large is infinite, an empty text is 0, and the text ends at a NUL byte. Blanks in front and
    hexadecimal are taken unless `plain`, as by servers with a parser of their own.
    """
    number = text.split(b"\0", 1)[0]
    digits = number if plain else number.lstrip(b" \t\n\v\f\r")
    if not number:
        return 0.0
    if _DECIMAL.fullmatch(digits) or _INFINITY.fullmatch(digits):
        return float(digits)
    if plain or not _HEXADECIMAL.fullmatch(digits):
        return None
    try:
        return float.fromhex(digits.decode("ascii"))
    except OverflowError:
        return -math.inf if digits.startswith(b"-") else math.inf


def _parse_hexadecimal(text: bytes, refusal: str) -> float:
    try:
        return float.fromhex(text.decode("ascii"))
    except OverflowError:
        raise CommandRefused(refusal) from None


def parse_long_double(text: bytes | bytearray) -> Fraction:
    """Return the 80-bit float nearest to a decimal or hexadecimal text, exactly.

    Infinities are refused here: no server lets them into a result.

    Source: Redis 7.0 src/util.c string2ld
    """
    from fractions import Fraction

    raw = bytes(text)
    if len(raw) > _LONGEST_LONG_DOUBLE:
        raise CommandRefused(NOT_A_FLOAT)
    if _DECIMAL.fullmatch(raw):
        digits, _, exponent = raw.lower().partition(b"e")
        base, scale = 10, 10
    elif _HEXADECIMAL.fullmatch(raw):
        digits, _, exponent = raw.lower().replace(b"0x", b"", 1).partition(b"p")
        base, scale = 16, 2
    else:
        raise CommandRefused(NOT_A_FLOAT)
    whole, _, fraction = digits.lstrip(b"+-").partition(b".")
    mantissa = _whole(whole + fraction) if base == 10 else int(whole + fraction, 16)
    if not mantissa:
        return Fraction(0)
    power = int(exponent or b"0") if len(exponent) < _LONGEST_EXPONENT else _EXPONENT_LIMIT + 1
    if abs(power) > _EXPONENT_LIMIT * (1 if base == 10 else 4):
        raise CommandRefused(NOT_A_FLOAT)
    number = Fraction(mantissa) * Fraction(scale) ** power / Fraction(base) ** len(fraction)
    if number * _LONG_DOUBLE_UNDERFLOW <= 1:
        raise CommandRefused(NOT_A_FLOAT)
    return _to_long_double(-number if digits.startswith(b"-") else number)


def _to_long_double(number: Fraction) -> Fraction:
    """Round to 64 bits of mantissa, ties to even; subnormal 80-bit floats print as 0 anyway."""
    from fractions import Fraction

    if not number:
        return number
    magnitude = abs(number)
    shift = magnitude.numerator.bit_length() - magnitude.denominator.bit_length() - _MANTISSA_BITS
    # The estimate is off by at most one; go down until the mantissa fills 64 bits.
    while magnitude / Fraction(2) ** shift >= 2**_MANTISSA_BITS:
        shift += 1
    while magnitude / Fraction(2) ** shift < 2 ** (_MANTISSA_BITS - 1):
        shift -= 1
    rounded = round(magnitude / Fraction(2) ** shift) * Fraction(2) ** shift
    if rounded > _LONG_DOUBLE_MAX:
        raise CommandRefused("ERR increment would produce NaN or Infinity")
    return -rounded if number < 0 else rounded


def add_long_doubles(left: Fraction, right: Fraction) -> Fraction:
    """Return the 80-bit float nearest to the sum."""
    return _to_long_double(left + right)


def _decimal(number: int) -> bytes:
    """Return a number below 10^8000 in decimal; Python refuses to print long ones at once."""
    if number < _LONG_STEP:
        return b"%d" % number
    high, low = divmod(number, _LONG_STEP)
    return b"%d%0*d" % (high, _LONG_STEP_DIGITS, low)


def _whole(digits: bytes) -> int:
    """Return the number that up to 8000 digits stand for; none stand for 0."""
    if len(digits) <= _LONG_STEP_DIGITS:
        return int(digits or b"0")
    return int(digits[:-_LONG_STEP_DIGITS]) * _LONG_STEP + int(digits[-_LONG_STEP_DIGITS:])


def format_long_double(number: Fraction) -> bytes:
    """Return `%.17Lf` without trailing zeros and dot: never an exponent.

    Source: Redis 7.0 src/util.c ld2string, LD_STR_HUMAN
    """
    scaled = round(abs(number) * 10**_LONG_DOUBLE_DIGITS)
    whole, fraction = divmod(scaled, 10**_LONG_DOUBLE_DIGITS)
    text = b"%b.%017d" % (_decimal(whole), fraction)
    text = text.rstrip(b"0").rstrip(b".")
    return b"-" + text if number < 0 and text != b"0" else text
