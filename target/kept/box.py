"""A target whose data is backed up, and a second one that keeps the backups: an SFTP server, as one rents it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roles.keys import public_of
from target import own
from target.box import Target
from target.project import Project

NAME, KEEPER = own("backedup"), own("keeper")
KEPT = "/srv/keeper/backups"
SSHD = """# who was refused is let in at once when it has its key again
PerSourcePenalties no
Match User keeper
    ForceCommand internal-sftp
    AllowTcpForwarding no
"""


def keeper() -> Target:
    """A server of somebody else's, with an account for SFTP alone."""
    box = Target.start(KEEPER)
    box.succeed(
        "id keeper 2>/dev/null || useradd -m -d /srv/keeper -p '*' -s /usr/sbin/nologin keeper\n"
        f"install -d -o keeper -g keeper -m 700 {KEPT} /srv/keeper/.ssh\n"
        f"cat >/etc/ssh/sshd_config.d/keeper.conf <<'EOF'\n{SSHD}EOF\n"
        "systemctl reload ssh"
    )
    return box


@dataclass(frozen=True)
class Box(Project):
    """The box, and a project of its own for its secrets."""

    here = Path(__file__).resolve().parent
    variable = "BACKUPS"

    def settings(self, **wanted: Any) -> dict[str, Any]:
        """With where else the backups go."""
        place = Target.find(KEEPER, self.target.client)
        assert place is not None
        keys = [" ".join(line.split()[:2]) for line in place.succeed("cat /etc/ssh/ssh_host_*_key.pub").splitlines()]
        return super().settings(**{"offsite": place.address, "host_keys": keys, **wanted})

    def lets_in(self) -> None:
        """Have the other server take the box's key, as a user adds it there."""
        place = Target.find(KEEPER, self.target.client)
        assert place is not None
        line = public_of(self.store.reveal("backups/ssh_key"))
        place.succeed(
            f"echo {line!r} >/srv/keeper/.ssh/authorized_keys; chown keeper: /srv/keeper/.ssh/authorized_keys"
        )

    def sql(self, text: str, database: str = "note_taker") -> str:
        """What psql says, as the superuser."""
        line = f"cd /; runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 -d {database} -c {shlex.quote(text)}"
        return self.target.succeed(line).strip()
