"""The SSH client of a box, with which programs there reach another server: git a repository, restic its backups."""

from __future__ import annotations


def ssh(known_hosts: str, **options: str) -> str:
    """A command line, less its key: nothing of what root has set up for itself, and no server but a known one.

    `options` are those of ssh_config(5).
    """
    common = {
        "BatchMode": "yes",
        "IdentitiesOnly": "yes",
        "StrictHostKeyChecking": "yes",
        "GlobalKnownHostsFile": "/dev/null",
        "UserKnownHostsFile": known_hosts,
    }
    words = (f"-o {name}={value}" for name, value in {**common, **options}.items())
    return " ".join(["ssh -F /dev/null", *words])


def known_as(host: str, port: int) -> str:
    """What a server is called in a file of known hosts."""
    return host if port == 22 else f"[{host}]:{port}"
