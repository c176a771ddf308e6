"""What the machine offers, for verbs that hand it on themselves."""

from aoftool.api.machine import worker_count

__all__ = ["worker_count"]
