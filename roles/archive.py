"""Programs that come as an archive: fetched, checked, unpacked beside each other, and switched by a link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from roles.resources import Json

MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
"""What the kernel and what makers of archives call the two kinds of processors that are rented."""


@dataclass(frozen=True)
class Archive:
    """A program in /opt/boxkeeper/NAME-VERSION, with a link NAME to it. `{arch}` in `url` is amd64 or arm64.

    `sha256` is by that word. `program` is what must be in it; what matches a pattern in `without` is left packed.
    """

    name: str
    version: str
    url: str
    sha256: Mapping[str, str]
    program: str
    without: Sequence[str] = ()
    kind: ClassVar[str] = "archives"

    @property
    def link(self) -> str:
        return f"/opt/boxkeeper/{self.name}"

    def query(self) -> Json:
        return self.link

    def refuse(self, found: Json) -> Sequence[str]:
        if MACHINES.get(found["machine"]) in self.sha256:
            return []
        known = " and ".join(machine for machine, arch in MACHINES.items() if arch in self.sha256)
        return [f"{self.name} {self.version} is known for {known}; this box is {found['machine']}"]

    def differences(self, found: Json) -> Sequence[str]:
        return [] if found["made_of"] == self._made_of(found) else [f"{self.link} is not {self.name} {self.version}"]

    def payload(self, found: Json) -> Json:
        made_of = self._made_of(found)
        return {
            "link": self.link,
            # with its hash, so that another archive of the same version is another folder, and a restart
            "folder": f"{self.link}-{self.version}-{made_of['sha256'][:8]}",
            "url": self.url.format(version=self.version, arch=MACHINES[found["machine"]]),
            "program": self.program,
            "made_of": made_of,
        }

    def _made_of(self, found: Json) -> Json:
        arch = MACHINES.get(found["machine"], "")
        return {"version": self.version, "sha256": self.sha256.get(arch), "without": list(self.without)}
