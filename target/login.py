"""How a target is logged in to: its key pair and its pinned host keys, in `.boxkeeper/targets/<name>/`."""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from roles import Fault


def make_key(folder: Path) -> str:
    """The public line of `folder/id_ed25519`; the pair is made when it is missing. Raises Fault."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key, public = folder / "id_ed25519", folder / "id_ed25519.pub"
    if not key.exists() or not public.exists():
        for half in (key, public):
            half.unlink(missing_ok=True)
        options = ["-q", "-t", "ed25519", "-N", "", "-C", f"boxkeeper target {folder.name}"]
        try:
            subprocess.run(
                ["ssh-keygen", *options, "-f", str(key)],
                check=True,
                capture_output=True,
                stdin=subprocess.DEVNULL,
            )
        except FileNotFoundError as error:
            raise Fault("ssh-keygen is missing: `apt-get install openssh-client`") from error
    return public.read_text().strip()


def pin(folder: Path, host_keys: Iterable[str], places: Iterable[tuple[str, int]]) -> None:
    """Write `folder/known_hosts`: at each place (address, port) these keys answer, and no others."""
    keys = [" ".join(key.split()[:2]) for key in host_keys]
    lines = [f"{_name(*place)} {key}\n" for place in places for key in keys]
    new = folder / "known_hosts.new"
    new.write_text("".join(lines))
    os.replace(new, folder / "known_hosts")


def _name(address: str, port: int) -> str:
    return address if port == 22 else f"[{address}]:{port}"
