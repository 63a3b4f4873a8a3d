"""What an environment can carry, and what a name and a domain are: texts that users write about their apps."""

from __future__ import annotations

import re

# Accounts and groups that Debian, Ubuntu and the packages we install have or make, and PostgreSQL's own names.
RESERVED = frozenset(
    "root daemon bin sys adm tty disk lp mail news uucp man proxy kmem dialout fax voice cdrom floppy tape sudo audio "
    "dip www-data backup operator list irc src shadow utmp video sasl plugdev staff games users nogroup nobody sync "
    "input sgx kvm render crontab syslog ssl-cert netdev lxd landscape pollinate tcpdump tss uuidd polkitd messagebus "
    "sshd ssh wheel chrony ntp dbus docker admin ubuntu debian ec2-user postgres postgresql redis redis-server nginx "
    "certbot backups coturn turnserver fail2ban chroma ollama alerts boxkeeper apt template0 template1 "
    "public none".split()
)
OTHERS = ("boxkeeper-", "systemd-", "pg-", "redis-", "chroma-", "apt-")
"""How the names of others' accounts, units and roles begin."""


def uncarriable(value: str) -> str:
    """Why no environment can carry this value; "" when it can."""
    if "\0" in value:
        return "holds a NUL byte, which no environment can carry"
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        return f"holds half a character at position {error.start + 1}, which is no text"
    if any(ord(char) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(char) <= 0xFDEF for char in value):
        return "holds a character that Unicode keeps for nobody; systemd starts nothing with such a variable"
    # MAX_ARG_STRLEN of execve(2): one variable with its name, `=` and the byte that ends it
    return f"is {size} bytes long; Linux hands 128 KiB to a program" if size > 131072 - 130 else ""


def usable_variable(name: str) -> bool:
    """Whether an environment variable can be called so."""
    return bool(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,127}", name))


def usable_part(name: str) -> bool:
    """Whether a process or job can be called so: its units and its socket are."""
    return bool(re.fullmatch(r"[a-z][a-z0-9-]{0,29}[a-z0-9]|[a-z]", name))


def usable_name(name: str) -> str:
    """The name of an app, which is its account's too. Raises ValueError for what can be none, or is somebody else's."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,29}[a-z0-9]", name):
        raise ValueError(f"{name!r} can't be an app's name; use 2 to 31 of a-z, 0-9 and -, e.g. `note-taker`")
    if name in RESERVED or name.startswith(OTHERS):
        raise ValueError(f"{name!r} is the name of something else on a box; call the app e.g. `my-{name}`")
    return name


def normal_domain(domain: str) -> str:
    """Lower case, no trailing dot, international names in their ASCII form. Raises ValueError for what is no domain."""
    name = domain.strip().rstrip(".").lower()
    try:
        if not name.isascii():
            import idna  # Python's own codec knows the rules of 2003, by which `ß` is `ss` and another domain

            name = idna.encode(name, uts46=True).decode()
    except UnicodeError:
        raise ValueError(f"{domain!r} is no domain") from None
    label = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    if not re.fullmatch(rf"({label}\.)+[a-z][a-z0-9-]*[a-z0-9]", name) or len(name) > 253:
        raise ValueError(f"{domain!r} is no domain; write it like `notes.example.com`, without https:// and port")
    return name
