"""Who may read a file: owner, group and permission bits, carried from what is read to what is written.

Nothing is ever written that more people can read than the files it was made of. Extended attributes and
access control lists are not looked at.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable

from aoftool.dataclass import dataclass, replace
from aoftool.errors import RefusedError
from aoftool.escape import shown_base
from aoftool.files.held import status_of
from aoftool.files.syscalls import SYSTEM, SystemCalls

__all__ = ["PRIVATE", "Access", "access_of", "give_access", "narrowest_access"]

_PERMISSIONS = 0o7777
_MAY_NOT = (errno.EPERM, errno.EACCES, errno.EINVAL)


@dataclass(frozen=True, slots=True)
class Access:
    """Who may do what.

    Attributes:
        user, group: the owner, by number; None for whoever writes.
        mode: permission bits.
    """

    user: int | None
    group: int | None
    mode: int

    def for_folder(self) -> Access:
        """Return the same for a directory: whoever reads the file may search it, its owner may all."""
        return replace(self, mode=0o700 | self.mode & 0o055 | (self.mode & 0o044) >> 2)


PRIVATE = Access(None, None, 0o600)
"""For whoever writes alone."""


def access_of(status: os.stat_result) -> Access:
    """Return who may read a file."""
    return Access(status.st_uid, status.st_gid, status.st_mode & _PERMISSIONS)


def narrowest_access(paths: Iterable[str]) -> Access | None:
    """Return what all of some files allow, owned as the last of them; None where there are no files.

    Standard input and files that cannot be looked at are passed over; held files (`aoftool.files.held`) are
    taken as they were opened.
    """
    found: Access | None = None
    for path in paths:
        try:
            status = status_of(path)
        except OSError:
            continue
        if not stat.S_ISREG(status.st_mode):
            continue
        own = access_of(status)
        if found is None:
            found = own
            continue
        mode = found.mode & own.mode
        if found.group != own.group:
            mode = _without_group(mode)
        found = replace(own, mode=mode)
    return found


def give_access(
    descriptor: int, access: Access, path: str, *, keep_owner: bool, calls: SystemCalls = SYSTEM
) -> None:
    """Give an open file owner and permission bits, whatever the umask, and see that it has them.

    Args:
        access: what it is to have.
        path: of the file, for messages.
        keep_owner: refuse where the owner cannot be given; else the file stays the caller's, and what a
            group may do that is another one then, only everybody may.

    Raises:
        RefusedError: it does not have them in the end.
        OSError: the system refuses to set the permission bits.
    """
    if not _owned(descriptor, access):
        _give_owner(descriptor, access, calls)
    mode = access.mode
    if not _owned(descriptor, access):
        if keep_owner:
            raise _not_owned(access, path)
        mode &= 0o777
        if os.fstat(descriptor).st_gid != access.group:
            mode = _without_group(mode)
    # After the owner: changing it may clear bits of the mode.
    calls.change_mode(descriptor, mode)
    found = access_of(os.fstat(descriptor))
    if found.mode & ~mode & 0o777 or (keep_owner and found.mode != mode):
        message = f"{shown_base(path)} would get mode {found.mode:04o} and not {mode:04o}"
        raise RefusedError(message, path=path, hint="use a file system that keeps permission bits")


def _owned(descriptor: int, access: Access) -> bool:
    status = os.fstat(descriptor)
    return access.user in (None, status.st_uid) and access.group in (None, status.st_gid)


def _give_owner(descriptor: int, access: Access, calls: SystemCalls) -> None:
    user = -1 if access.user is None else access.user
    group = -1 if access.group is None else access.group
    for owner in (user, -1):
        try:
            calls.change_owner(descriptor, owner, group)
        except OSError as error:
            if error.errno not in _MAY_NOT:
                raise
            continue  # what came of it is looked at
        return


def _without_group(mode: int) -> int:
    """Return the bits when the group is another one: only what everybody may, members may too."""
    both = (mode >> 3) & mode & 0o007
    return mode & 0o700 | both << 3 | both


def _not_owned(access: Access, path: str) -> RefusedError:
    owner = f"uid {access.user}, gid {access.group}"
    message = f"the new {shown_base(path)} cannot be given to the owner of the old one ({owner})"
    hint = "run it as that user or as root; --new-owner lets the files be yours"
    return RefusedError(message, path=path, hint=hint)
