"""Reference implementation of the text of scores; `_score_cy.pyx` is its compiled twin."""

from __future__ import annotations

from math import copysign, isinf

__all__ = ["score_text"]

# Up to six digits behind the point the layout is that of repr: point included, seven characters.
_PLAIN_FRACTION = 7


def score_text(score: float, *, shortest: bool) -> bytes:
    """See `aoftool.rdb.encode.score_text.score_text`."""
    if isinf(score):
        return b"inf" if score > 0 else b"-inf"
    if not shortest:
        return b"%.17g" % score
    if score == 0:
        return b"-0" if copysign(1, score) < 0 else b"0"
    return _shortest(score)


def _shortest(score: float) -> bytes:
    """Lay out the shortest digits: plain while that is short, else with an exponent.

    Servers find the digits with Grisu2, which now and then gives one digit more than needed (23 of
    3,019 scores made to provoke it); the value is the same.

    Source: Redis 7.2 deps/fpconv/fpconv_dtoa.c emit_digits, measured on Valkey 9.1.2.
    """
    text = repr(score)
    point = text.find(".")
    if point > 0 and len(text) - point <= _PLAIN_FRACTION and "e" not in text and text[-2:] != ".0":
        return text.encode()
    sign = b"-" if score < 0 else b""
    mantissa, _, exponent = repr(abs(score)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    if fraction == "0":
        fraction = ""
    power = int(exponent or 0) - len(fraction)
    digits = (whole + fraction).lstrip("0")
    kept = digits.rstrip("0")
    power += len(digits) - len(kept)
    return sign + _layout(kept, power).encode()


def _layout(digits: str, power: int) -> str:
    """Return digits times ten to the power."""
    top = power + len(digits) - 1
    if power >= 0 and abs(top) < len(digits) + 7:
        return digits + "0" * power
    if power < 0 and (power > -7 or abs(top) < 4):
        point = len(digits) + power
        if point <= 0:
            return "0." + "0" * -point + digits
        return digits[:point] + "." + digits[point:]
    text = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return f"{text}e{'-' if top < 0 else '+'}{abs(top)}"
