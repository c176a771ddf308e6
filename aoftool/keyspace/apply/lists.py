"""Lists. A list without elements does not exist."""

from __future__ import annotations

from itertools import islice

from aoftool.keyspace.apply.blocking import check_timeout
from aoftool.keyspace.context import Argv, Context
from aoftool.keyspace.numbers import parse_int, parse_positive
from aoftool.keyspace.refusal import NO_SUCH_KEY, SYNTAX, WRONG_TYPE, CommandRefused
from aoftool.keyspace.registry import CommandTable
from aoftool.values import ListValue

__all__ = ["TABLE"]

TABLE = CommandTable()

_OUT_OF_RANGE = "ERR index out of range"


def _list_or_new(ctx: Context, key: bytes) -> ListValue:
    db = ctx.db
    value = db.values.get(key)
    if value is None:
        value = db.values[key] = ListValue()
    elif type(value) is not ListValue:
        raise CommandRefused(WRONG_TYPE)
    return value


@TABLE.command(b"RPUSH", -3)
def apply_rpush(ctx: Context, argv: Argv) -> None:
    key = argv[1]
    value = _list_or_new(ctx, key)
    if len(argv) == 3:
        value.append(argv[2])
    else:
        value.extend(argv[2:])
    ctx.db.changed.append(key)


@TABLE.command(b"LPUSH", -3)
def apply_lpush(ctx: Context, argv: Argv) -> None:
    key = argv[1]
    value = _list_or_new(ctx, key)
    if len(argv) == 3:
        value.appendleft(argv[2])
    else:
        value.extendleft(argv[2:])
    ctx.db.changed.append(key)


@TABLE.command(b"RPUSHX", -3)
def apply_rpushx(ctx: Context, argv: Argv) -> None:
    if ctx.get(argv[1], ListValue) is not None:
        apply_rpush(ctx, argv)


@TABLE.command(b"LPUSHX", -3)
def apply_lpushx(ctx: Context, argv: Argv) -> None:
    if ctx.get(argv[1], ListValue) is not None:
        apply_lpush(ctx, argv)


@TABLE.command(b"LINSERT", 5)
def apply_linsert(ctx: Context, argv: Argv) -> None:
    where = argv[2].upper()
    if where not in (b"BEFORE", b"AFTER"):
        raise CommandRefused(SYNTAX)
    value = ctx.get(argv[1], ListValue)
    if value is None:
        return
    ctx.look_through(value)
    try:
        at = value.index(argv[3])
    except ValueError:
        return
    value.insert(at + (where == b"AFTER"), argv[4])
    ctx.db.changed.append(argv[1])


@TABLE.command(b"LSET", 4)
def apply_lset(ctx: Context, argv: Argv) -> None:
    value = ctx.get(argv[1], ListValue)
    if value is None:
        raise CommandRefused(NO_SUCH_KEY)
    index = parse_int(argv[2])
    if ctx.flavour.short_list_indexes:
        index = (index + 2**31) % 2**32 - 2**31
    if not -len(value) <= index < len(value):
        raise CommandRefused(_OUT_OF_RANGE)
    value[index] = argv[3]
    ctx.db.changed.append(argv[1])


@TABLE.command(b"LREM", 4)
def apply_lrem(ctx: Context, argv: Argv) -> None:
    count = parse_int(argv[2])
    value = ctx.get(argv[1], ListValue)
    if value is None:
        return
    ctx.look_through(value)
    if _remove_elements(value, argv[3], count):
        ctx.changed_or_gone(argv[1], value)


def _remove_elements(value: ListValue, element: bytes, count: int) -> bool:
    """Remove up to `count` equal elements, from the tail when negative, all when 0."""
    limit = abs(count) or len(value)
    kept: list[bytes] = []
    removed = 0
    for item in reversed(value) if count < 0 else value:
        if removed < limit and item == element:
            removed += 1
        else:
            kept.append(item)
    if removed:
        value.clear()
        value.extend(reversed(kept) if count < 0 else kept)
    return removed > 0


@TABLE.command(b"LTRIM", 4)
def apply_ltrim(ctx: Context, argv: Argv) -> None:
    start, end = parse_int(argv[2]), parse_int(argv[3])
    value = ctx.get(argv[1], ListValue)
    if value is None:
        return
    length = len(value)
    start = max(start + length if start < 0 else start, 0)
    end = min(end + length if end < 0 else end, length - 1)
    if start > end or start >= length:
        value.clear()
    else:
        _drop(value, start, left=True)
        _drop(value, length - 1 - end, left=False)
    ctx.changed_or_gone(argv[1], value)


def _drop(value: ListValue, count: int, *, left: bool) -> None:
    """Remove elements from one end, by the cheaper of popping them and rebuilding the rest."""
    rest = len(value) - count
    if rest < count:
        kept = list(islice(value, count, None) if left else islice(value, rest))
        value.clear()
        value.extend(kept)
        return
    pop = value.popleft if left else value.pop
    for _ in range(count):
        pop()


def _pop(ctx: Context, argv: Argv, *, left: bool) -> None:
    count = 1
    if len(argv) == 3:
        count = parse_positive(argv[2])
    elif len(argv) > 3:
        raise CommandRefused(f"ERR wrong number of arguments for '{'l' if left else 'r'}pop' command")
    db = ctx.db
    value = db.values.get(argv[1])
    if value is None:
        return
    if type(value) is not ListValue:
        raise CommandRefused(WRONG_TYPE)
    if count == 1 and len(value) > 1:
        if left:
            value.popleft()
        else:
            value.pop()
        db.changed.append(argv[1])
    elif count:
        _pop_range(ctx, argv[1], value, count, left=left)


def _pop_range(ctx: Context, key: bytes, value: ListValue, count: int, *, left: bool) -> None:
    _drop(value, min(count, len(value)), left=left)
    ctx.changed_or_gone(key, value)


@TABLE.command(b"LPOP", -2)
def apply_lpop(ctx: Context, argv: Argv) -> None:
    _pop(ctx, argv, left=True)


@TABLE.command(b"RPOP", -2)
def apply_rpop(ctx: Context, argv: Argv) -> None:
    _pop(ctx, argv, left=False)


def _is_left(word: bytes) -> bool:
    side = word.upper()
    if side not in (b"LEFT", b"RIGHT"):
        raise CommandRefused(SYNTAX)
    return side == b"LEFT"


def _move(ctx: Context, source: bytes, target: bytes, from_left: bool, to_left: bool) -> None:
    value = ctx.get(source, ListValue)
    if value is None:
        return
    into = ctx.get_or_new(target, ListValue)
    element = value.popleft() if from_left else value.pop()
    if to_left:
        into.appendleft(element)
    else:
        into.append(element)
    ctx.db.changed.append(target)
    ctx.changed_or_gone(source, value)


@TABLE.command(b"LMOVE", 5, redis=(6, 2))
def apply_lmove(ctx: Context, argv: Argv) -> None:
    _move(ctx, argv[1], argv[2], _is_left(argv[3]), _is_left(argv[4]))


@TABLE.command(b"BLMOVE", 6, redis=(6, 2))
def apply_blmove(ctx: Context, argv: Argv) -> None:
    from_left, to_left = _is_left(argv[3]), _is_left(argv[4])
    check_timeout(argv[5])
    _move(ctx, argv[1], argv[2], from_left, to_left)


@TABLE.command(b"RPOPLPUSH", 3)
def apply_rpoplpush(ctx: Context, argv: Argv) -> None:
    _move(ctx, argv[1], argv[2], False, True)


@TABLE.command(b"BRPOPLPUSH", 4)
def apply_brpoplpush(ctx: Context, argv: Argv) -> None:
    check_timeout(argv[3])
    _move(ctx, argv[1], argv[2], False, True)


def _pop_first(ctx: Context, keys: Argv, count: int, *, left: bool) -> None:
    """Pop from the first of the keys that holds a list."""
    for key in keys:
        value = ctx.get(key, ListValue)
        if value is not None:
            _pop_range(ctx, key, value, count, left=left)
            return


@TABLE.command(b"BLPOP", -3)
def apply_blpop(ctx: Context, argv: Argv) -> None:
    check_timeout(argv[-1])
    _pop_first(ctx, argv[1:-1], 1, left=True)


@TABLE.command(b"BRPOP", -3)
def apply_brpop(ctx: Context, argv: Argv) -> None:
    check_timeout(argv[-1])
    _pop_first(ctx, argv[1:-1], 1, left=False)


def _pop_many(ctx: Context, argv: Argv, at: int) -> None:
    """Run the tail of LMPOP and BLMPOP: `numkeys key.. LEFT|RIGHT [COUNT n]`."""
    numkeys = parse_int(argv[at], "ERR numkeys should be greater than 0")
    if numkeys <= 0:
        raise CommandRefused("ERR numkeys should be greater than 0")
    side = at + 1 + numkeys
    if side >= len(argv):
        raise CommandRefused(SYNTAX)
    left = _is_left(argv[side])
    count = _count_option(argv[side + 1 :])
    _pop_first(ctx, argv[at + 1 : side], count, left=left)


def _count_option(words: Argv) -> int:
    if not words:
        return 1
    if len(words) != 2 or words[0].upper() != b"COUNT":
        raise CommandRefused(SYNTAX)
    count = parse_int(words[1], "ERR count should be greater than 0")
    if count <= 0:
        raise CommandRefused("ERR count should be greater than 0")
    return count


@TABLE.command(b"LMPOP", -4, redis=(7, 0))
def apply_lmpop(ctx: Context, argv: Argv) -> None:
    _pop_many(ctx, argv, 1)


@TABLE.command(b"BLMPOP", -5, redis=(7, 0))
def apply_blmpop(ctx: Context, argv: Argv) -> None:
    check_timeout(argv[1])
    _pop_many(ctx, argv, 2)
