"""A box with an app, and an archive of security fixes of its own, from which packages of three kinds come."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from roles import ROOT
from target.project import Project
from target.run import run

ARCHIVE = "/srv/archive"
MAKE = r"""
set -e
cd /srv/archive; rm -rf made; mkdir -p made/DEBIAN made/usr/share/shop made/usr/lib/shop
about='Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: shop\nDescription: shop\n'
printf "$about" "$1" "$2" >made/DEBIAN/control
printf '#!/bin/sh\n%s\n' "$3" >made/DEBIAN/postinst; chmod 755 made/DEBIAN/postinst
if [ "$1" = shop-words ]; then printf '%s' "$4" >made/usr/share/shop/words
else cp /usr/bin/sleep "made/usr/lib/shop/$1"; fi
dpkg-deb -Znone --root-owner-group --build made . >/dev/null
"""
"""Make a package: its name, version, what it runs when it is installed, and words."""
INDEX = r"""
cd /srv/archive; rm -f Packages
for file in *.deb; do
    dpkg-deb --field "$file"
    hash=$(sha256sum <"$file" | cut -d ' ' -f 1)
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$file" "$(stat -c %s "$file")" "$hash"
done >Packages
printf 'Suite: stable-security\nDate: %s\nSHA256:\n %s %s Packages\n' \
    "$(date -uR)" "$(sha256sum <Packages | cut -d ' ' -f 1)" "$(stat -c %s Packages)" >Release
"""
_HOUR = (datetime.now(timezone.utc).hour + 6) % 24
WINDOW = f"{_HOUR:02}:00-{(_HOUR + 1) % 24:02}:00"
"""Six hours away, whenever that is: in a window a box reboots by itself."""


@dataclass(frozen=True)
class Box(Project):
    """The box, and a project of its own for its secrets."""

    here = Path(__file__).resolve().parent
    variable = "PATCHES"

    def settings(self, **wanted: Any) -> dict[str, Any]:
        """With where the app's source is, and a window that is not open while the tests run."""
        return super().settings(code=str(self.here / "shop"), window=WINDOW, **wanted)

    def plan(self) -> list[str]:
        """What `pyinfra INVENTORY deploys/patch.py` would do."""
        deploy = ROOT / "deploys" / "patch.py"
        return run(self.folder / "inventory.py", deploy, "--dry", "--json", environment=self.variables()).changes

    def patch(self, *options: str, code: int = 0, **wanted: Any) -> str:
        """What `boxkeeper patch` says."""
        done = self.command("patch", "ENV", *options, **wanted)
        said = (done.stdout + done.stderr).decode()
        assert done.returncode == code, said
        return said

    def publish(self, name: str, version: str, hook: str = "true", words: str = "well") -> None:
        """Another package in the archive."""
        script = base64.b64encode(f"{MAKE}{INDEX}".encode()).decode()
        self.target.succeed(f"mkdir -p {ARCHIVE}; echo {script} | base64 -d >{ARCHIVE}/make")
        self.target.succeed(f"sh {ARCHIVE}/make {name} {version} '{hook}' '{words}'")

    def subscribe(self) -> None:
        """Have the box look at the archive, and install what there is."""
        self.target.succeed(
            f"echo 'deb [trusted=yes] file:{ARCHIVE} ./' >/etc/apt/sources.list.d/shop.list\n"
            "apt-get -qq update && apt-get -qq -y install shop-words shop-bulb shop-hook"
        )

    def version(self, name: str) -> str:
        shown = self.target.succeed(f"dpkg-query --show --showformat='${{db:Status-Status}} ${{Version}}' {name}")
        state, version = shown.split()
        assert state == "installed", shown
        return version

    def holds(self) -> list[str]:
        return self.target.succeed("apt-mark showhold").split()
