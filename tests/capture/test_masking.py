"""What is masked, and what stays."""

from __future__ import annotations

import pytest

from aoftool.capture.masking import MASK, Masker, is_secret


@pytest.mark.parametrize(
    "name",
    [
        "requirepass", "masterauth", "primaryauth", "masteruser", "primaryuser", "tls-key-file-pass",
        "tls-client-key-file-pass", "user", "rename-command", "REQUIREPASS", "sentinel-pass",
        "ldap.bind_passwd", "some-module.api-token",
    ],
)  # fmt: skip
def test_settings_that_are_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["protected-mode", "tls-auth-clients", "aclfile", "appendfsync", "dir"])
def test_settings_that_are_none(name: str) -> None:
    assert not is_secret(name)


def test_values_of_secrets_are_masked_and_empty_ones_told() -> None:
    rows = [("requirepass", "hunter22"), ("masterauth", ""), ("appendfsync", "always"), ("bind", "10.1.2.3")]

    assert Masker().settings(rows) == [
        ("requirepass", MASK), ("masterauth", ""), ("appendfsync", "always"), ("bind", MASK)
    ]  # fmt: skip


def test_password_of_a_setting_is_hidden_wherever_it_stands() -> None:
    masker = Masker(everything=False)
    masker.settings([("requirepass", "hunter22")])

    assert (
        masker.text("log: somebody typed hunter22 twice: hunter22")
        == f"log: somebody typed {MASK} twice: {MASK}"
    )
    assert masker.counts["passwords"] == 3


def test_conf_keeps_what_it_sets_and_hides_what_is_secret() -> None:
    conf = (
        "# port of ours\n"
        "port 6379\r\n"
        'requirepass "hunter22 with blanks"\n'
        "user alice on >alicepw #aabbccdd ~* +@all\n"
        "rename-command FLUSHALL hidden-flush\n"
        "# masterauth old-one\n"
        "#requirepass older-one\n"
        "replicaof 10.0.0.7 6379\n"
        "save 900 1\n"
        "include /etc/passwords.conf\n"
    )
    masker = Masker()

    shown = masker.conf(conf)

    assert shown == (
        "# port of ours\nport 6379\r\nrequirepass ***\nuser ***\nrename-command ***\n# masterauth ***\n"
        "# requirepass ***\nreplicaof ***\nsave 900 1\ninclude /etc/passwords.conf\n"
    )
    assert "alicepw" not in masker.text("AUTH alicepw")
    assert "hidden-flush" not in masker.text("hidden-flush")


def test_slow_commands_keep_their_names_and_counts() -> None:
    entry = [7, 1_700_000_000, 12, [b"SET", b"secret:key", b"value"], b"10.0.0.9:5", b"client"]
    contained = [6, 1_700_000_000, 12, [b"config", b"SET", b"requirepass", b"x"], b"10.0.0.9:5", b""]
    wrong = [5, 1_700_000_000, 12, [b"config", b"mysecret"], b"", b""]

    found = Masker().slow([entry, contained, wrong])

    mask = MASK.encode()
    assert found == [
        [7, 1_700_000_000, 12, [b"SET", mask, mask], mask, mask],
        [6, 1_700_000_000, 12, [b"config", b"SET", mask, mask], mask, mask],
        [5, 1_700_000_000, 12, [b"config", mask], mask, mask],
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Connecting to MASTER 10.20.30.40:6379", f"Connecting to MASTER {MASK}:6379"),
        ("slave0:ip=10.2.3.4,port=6379,state=online", f"slave0:{MASK}"),
        ("master_host:db7.internal.example", f"master_host:{MASK}"),
        ("peer 2001:db8::8a2e:370:7334 closed", f"peer {MASK} closed"),
        ("peer fe80:0:0:0:1:2:3:4 closed", f"peer {MASK} closed"),
        ("id=5 addr=10.2.3.4:55 laddr=10.2.3.5:6379 name=bob user=bob cmd=set|x", None),
        ("argv[0]: '\"SET\"'", f"argv[0]: {MASK}"),
        ("argv[1]: '\"secret\"'", f"argv[1]: {MASK}"),
        ("bind 127.0.0.1 and 0.0.0.0 stay", "bind 127.0.0.1 and 0.0.0.0 stay"),
        ("12345:M 30 Nov 2026 12:07:54.123 * Ready", "12345:M 30 Nov 2026 12:07:54.123 * Ready"),
        ("gcc_version:12.2.0.1", "gcc_version:12.2.0.1"),
        ("cmdstat_config|get:calls=5,usec=10", "cmdstat_config|get:calls=5,usec=10"),
        (
            "7f5e0c000000-7f5e0c021000 rw-p 00000000 00:00 0",
            "7f5e0c000000-7f5e0c021000 rw-p 00000000 00:00 0",
        ),
        ("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw", None),
    ],
)
def test_addresses_and_names_in_texts(text: str, shown: str | None) -> None:
    found = Masker().text(text)

    if shown is not None:
        assert found == shown
    else:
        assert "10.2.3" not in found
        assert "bob" not in found


def test_mount_table_and_smaps_are_left_as_they_are() -> None:
    text = (
        "36 35 98:0 / /data rw,noatime shared:1 - ext4 /dev/sdb rw\nRss: 12 kB\n08:01 123 /usr/bin/x-server\n"
    )

    assert Masker().text(text) == text


def test_name_of_the_machine_is_hidden() -> None:
    assert Masker(host="db-prod-17").text("Linux db-prod-17 6.1") == f"Linux {MASK} 6.1"
    # Names that stand in every text are none.
    assert Masker(host="localhost").text("localhost") == "localhost"
    assert Masker(host="db").text("db0:keys=1") == "db0:keys=1"


def test_none_leaves_everything_but_passwords() -> None:
    masker = Masker(everything=False, host="db-prod-17")
    entry = [7, 1, 2, [b"SET", b"k", b"v"], b"10.0.0.9:5", b"c"]

    assert masker.slow([entry]) == [entry]
    assert masker.text("10.0.0.1 db-prod-17") == "10.0.0.1 db-prod-17"
    assert masker.settings([("requirepass", "hunter22"), ("bind", "10.0.0.1")]) == [
        ("requirepass", MASK), ("bind", "10.0.0.1")
    ]  # fmt: skip
