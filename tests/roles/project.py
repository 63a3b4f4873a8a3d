"""What a project of tests has: keys."""

from __future__ import annotations

import subprocess
from pathlib import Path


def ssh_key(path: Path, passphrase: str = "", kind: str = "ed25519") -> str:
    """Make a key pair at `path`; its public line."""
    path.parent.mkdir(exist_ok=True)
    argv = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "you@laptop", "-f", str(path)]
    subprocess.run(argv, check=True)
    return path.with_name(f"{path.name}.pub").read_text().strip()
