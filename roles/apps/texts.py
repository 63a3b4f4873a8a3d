"""What an environment can carry, and what a domain is: texts that users write about their apps."""

from __future__ import annotations

import re


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
