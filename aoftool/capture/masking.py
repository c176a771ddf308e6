"""Hide what nobody needs for advice: passwords, arguments, addresses, names of hosts and clients.

Names and counts stay. Passwords are hidden always, the rest unless the user says otherwise. Each password
that a setting or a file gives away is looked for in every other text too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from aoftool.commands.table import lookup
from aoftool.regex import regex

__all__ = ["MASK", "Masker", "is_secret"]

MASK = "***"
_SECRET = regex(r"pass|auth|secret|credential|token", re.IGNORECASE)
# Names that only look like it.
_HARMLESS = frozenset(
    [
        "protected-mode",
        "acl-pubsub-default",
        "tls-auth-clients",
        "tls-auth-clients-user",
        "aclfile",
        "authentication",
    ]
)
# Users of servers, and names that commands were given instead of their own.
_SECRET_NAMES = frozenset(["masteruser", "primaryuser", "user", "rename-command"])
_SHORTEST = 4
_ADDRESS_SETTINGS = regex(
    r"^(?:bind|bind-source-addr|replicaof|slaveof|.*-announce-(?:ip|hostname)|.*announced-.*)$"
)
_IPV4 = regex(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_IPV6 = regex(r"(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{1,4}(?:%\w+)?(?![\w:])")
_TIME = regex(r"\d\d?:\d\d(?::\d\d)?")
_HEX_WITHOUT_COLONS = regex(r"[0-9A-Fa-f:]*[A-Fa-f][0-9A-Fa-f:]*|.*::.*|(?:[^:]*:){5,}.*")
_CLIENT_FIELD = regex(r"\b(name|user|lib-name|cmd|laddr|addr)=(?!\*\*\*)(\S+)")
_ARGUMENT = regex(r"(argv\[\d+\]:?\s*)('.*'|\".*\"|\S.*)")
# Of INFO and of the log: who replicates from whom.
_HOST_FIELD = regex(r"^(master_host|primary_host|slave\d+|replica\d+|.*_hostname):.*$", re.MULTILINE)
_LOOPBACK = frozenset(("127.0.0.1", "0.0.0.0", "::1"))


def is_secret(name: str) -> bool:
    """Tell whether a setting of that name is a secret."""
    lower = name.lower()
    return lower in _SECRET_NAMES or (_SECRET.search(lower) is not None and lower not in _HARMLESS)


class Masker:
    """Mask texts, and count what was masked.

    Args:
        everything: mask all that there is a rule for; else passwords alone.
        host: the name of this machine.
    """

    def __init__(self, *, everything: bool = True, host: str = "") -> None:
        self._everything = everything
        self._host = host if len(host) >= _SHORTEST and host != "localhost" else ""
        self._secrets: set[str] = set()
        self.counts: Counter[str] = Counter()

    def learn(self, secrets: Iterable[str]) -> None:
        """Look out for these passwords in every text from here on."""
        self._secrets.update(text for text in secrets if len(text) >= _SHORTEST and text != MASK)

    def settings(self, rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return settings, the secret ones masked; their values are learned."""
        self.learn(value for name, value in rows if is_secret(name))
        return [(name, self._setting(name, value)) for name, value in rows]

    def _setting(self, name: str, value: str) -> str:
        if value and is_secret(name):
            self.counts["passwords"] += 1
            return MASK
        if value and self._everything and _ADDRESS_SETTINGS.match(name.lower()):
            self.counts["addresses"] += 1
            return MASK
        return value

    def conf(self, text: str) -> str:
        """Return a configuration file with secret directives masked."""
        return "".join(self._directive(line) for line in text.splitlines(keepends=True))

    def _directive(self, line: str) -> str:
        name, _, rest = line.strip().partition(" ")
        if name.startswith("#"):
            # A setting that was switched off may still be the password of another server.
            inner, _, behind = name.lstrip("#").partition(" ")
            commented = inner or rest.partition(" ")[0]
            if not is_secret(commented):
                return line
            return f"# {commented} {MASK}\n" if (behind or rest) else line
        if rest.strip() and is_secret(name):
            self.learn(re.split(r"\s+", rest.strip().replace('"', "").replace("'", "").replace(">", "")))
            self.counts["passwords"] += 1
            return f"{name} {MASK}\n"
        if rest.strip() and self._everything and _ADDRESS_SETTINGS.match(name.lower()):
            self.counts["addresses"] += 1
            return f"{name} {MASK}\n"
        return line

    def slow(self, reply: Any) -> Any:
        """Return a reply of SLOWLOG GET with arguments, addresses and names of clients masked."""
        if not self._everything or not isinstance(reply, list):
            return reply
        return [self._entry(entry) if isinstance(entry, list) else entry for entry in reply]

    def _entry(self, entry: list[Any]) -> list[Any]:
        argv = entry[3] if len(entry) > 3 and isinstance(entry[3], list) else []
        kept = 2 if _has_subcommand(argv) else 1
        mask = MASK.encode()
        self.counts["arguments"] += max(len(argv) - kept, 0)
        masked = [word if at < kept else mask for at, word in enumerate(argv)]
        return [*entry[:3], masked, *(mask for _ in entry[4:])]

    def text(self, text: str) -> str:
        """Return any other text without passwords, addresses and names."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            if secret in text:
                self.counts["passwords"] += text.count(secret)
                text = text.replace(secret, MASK)
        if not self._everything:
            return text
        if self._host:
            self.counts["host name"] += text.count(self._host)
            text = text.replace(self._host, MASK)
        text = _ARGUMENT.sub(self._counted("arguments", rf"\1{MASK}"), text)
        text = _CLIENT_FIELD.sub(self._counted("clients", rf"\1={MASK}"), text)
        text = _HOST_FIELD.sub(self._counted("addresses", rf"\1:{MASK}"), text)
        text = _IPV4.sub(self._address, text)
        return _IPV6.sub(self._address, text)

    def _counted(self, kind: str, template: str) -> Any:
        def replace(found: re.Match[str]) -> str:
            self.counts[kind] += 1
            return found.expand(template)

        return replace

    def _address(self, found: re.Match[str]) -> str:
        text = found[0]
        if text in _LOOPBACK or _TIME.fullmatch(text) or _is_version(text, found):
            return text
        if ":" in text and not _HEX_WITHOUT_COLONS.fullmatch(text):
            return text
        self.counts["addresses"] += 1
        return MASK


def _has_subcommand(argv: list[Any]) -> bool:
    words = argv[:2]
    if len(words) < 2 or not all(isinstance(word, bytes) for word in words):
        return False
    spec = lookup(words[0].upper())
    return spec is not None and spec.is_container and spec.find_subcommand(words[1]) is not None


def _is_version(text: str, found: re.Match[str]) -> bool:
    """Tell whether four numbers are a version and no address: a word of it stands in front."""
    before = found.string[max(found.start() - 12, 0) : found.start()].lower()
    return ":" not in text and ("version" in before or "gcc" in before)
