"""One target: started, asked, rebooted, copied and removed."""

import re
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from os import environ
from pathlib import Path

from docker import DockerClient
from docker.errors import NotFound
from docker.models.containers import Container

from roles import Fault
from target import CHECKOUT, LABEL, STATE, container, login
from target.asked import COMMAND_SECONDS, Asked
from target.engine import engine
from target.image import image as image_of
from target.root import only_one

Progress = Callable[[str], None]

_SNAPSHOTS = "boxkeeper/snapshot"
_REBOOT_SECONDS = 180


@dataclass(frozen=True)
class Target(Asked):
    """A running box of our own on this machine; `Target.start()` makes one, `Target.find()` looks one up."""

    name: str
    client: DockerClient = field(repr=False, compare=False)

    @staticmethod
    def start(
        name: str = "boxkeeper",
        *,
        distro: str = "",
        image: str = "",
        publish: Sequence[str] = (),
        progress: Progress = lambda line: None,
    ) -> "Target":
        """The target `name`, running and ready for a login as root: reused, started again or made.

        One whose keys are gone is made anew.
        A new one is made from `image` (what `commit` returned) or from a bare `distro` ("debian:12"; the variable
        BOXKEEPER_DISTRO where it is not given), and
        publishes 22, 80, 443 and `publish` ("3478/udp") on 127.0.0.1. Raises Fault.
        """
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,40}", name):
            raise Fault(f"{name!r} is no name for a target: use letters, digits and dashes")
        client = engine(progress)
        with only_one(f"target-{name}"):
            target = Target.find(name, client)
            if target is not None and target.is_orphan():
                progress(f"making the target {name} anew: its keys are gone")
                target.remove()
                target = None
            if target is None:
                tag = image or image_of(client, distro or environ.get("BOXKEEPER_DISTRO", ""), progress)
                progress(f"starting the target {name}")
                container.make(client, name, tag, publish)
                target = Target(name, client)
                (target.folder / "port").unlink(missing_ok=True)  # of a box that was removed behind our back
                if image.startswith(f"{_SNAPSHOTS}:"):
                    shutil.copytree(_keys_of(image), target.folder, dirs_exist_ok=True)
            if target._container.status != "running":
                container.start(target._container)
            container.wait(target._container, target.port(22))
            target._hand_over()
        return target

    @staticmethod
    def find(name: str = "boxkeeper", client: DockerClient | None = None) -> "Target | None":
        """The target `name`, running or stopped, or None. Raises Fault where that name is not ours."""
        target = Target(name, client or engine())
        try:
            labels = target._container.labels
        except NotFound:
            return None
        if labels.get(LABEL) != name:
            raise Fault(f"a container {name} exists and is no target: `docker rename {name} {name}-other`")
        return target

    def is_orphan(self) -> bool:
        """Whether nobody has its keys: they, or the copy of this project that made it, are gone.

        Raises Fault where that is another copy, and there.
        """
        made_by = Path(self._container.labels.get(CHECKOUT, ""))
        if made_by != STATE and made_by.is_dir():
            raise Fault(
                f"the target {self.name} belongs to another copy of this project, in {made_by.parent}: put "
                f"`BOXKEEPER_TARGET={self.name}-2` before the command for one of your own"
            )
        return made_by != STATE or not (self.folder / "id_ed25519").exists()

    @property
    def folder(self) -> Path:
        """Where `id_ed25519`, `id_ed25519.pub`, `known_hosts` and the SSH `port` of this target are."""
        return STATE / "targets" / self.name

    @property
    def address(self) -> str:
        """The address of the box in the engine's network. It can change when the engine restarts."""
        networks = self._container.attrs["NetworkSettings"]["Networks"]
        return next(str(network["IPAddress"]) for network in networks.values())

    def port(self, number: int, protocol: str = "tcp") -> int:
        """The port of 127.0.0.1 that leads to port `number` of the box. Raises Fault."""
        bound = self._container.attrs["HostConfig"]["PortBindings"].get(f"{number}/{protocol}")
        if not bound:
            raise Fault(f"target {self.name} does not publish {number}/{protocol}")
        return int(bound[0]["HostPort"])

    def execute(self, command: str) -> tuple[int, str]:
        bound = ["timeout", "-k", "5", str(COMMAND_SECONDS)]
        one_stream = f"exec 2>&1\n{command}"  # Docker carries two, and loses the order between them
        return container.ask(self._container, [*bound, "sh", "-c", one_stream])

    def reboot(self) -> None:
        """`systemctl reboot`, and wait until it is back: files stay, /run and /tmp are emptied."""
        before = self._container.attrs["State"]["StartedAt"]
        self.execute("systemctl reboot")
        deadline = time.monotonic() + _REBOOT_SECONDS
        while self._container.attrs["State"]["StartedAt"] == before:
            if time.monotonic() > deadline:
                raise Fault(f"target {self.name} does not go down to reboot")
            time.sleep(0.2)
        container.wait(self._container, self.port(22))

    def pin(self, *ports: int) -> None:
        """Make these ports of 127.0.0.1, relays to this target, known hosts too, until the next `start`."""
        places = [("127.0.0.1", port) for port in (self.port(22), *ports)]
        keys = self.succeed("cat /etc/ssh/ssh_host_*_key.pub").splitlines()
        login.pin(self.folder, keys, [*places, (self.address, 22)])

    def commit(self, tag: str) -> str:
        """An image of the disk as it is now, for `Target.start(other, image=...)`; the keys stay the same."""
        self._container.commit(_SNAPSHOTS, tag, changes=f"LABEL {LABEL}=snapshot")
        shutil.copytree(self.folder, _keys_of(tag), dirs_exist_ok=True)
        return f"{_SNAPSHOTS}:{tag}"

    def remove(self) -> None:
        """Remove the box, its disk and its keys. Nothing to remove is no error."""
        with suppress(NotFound):
            self._container.remove(force=True, v=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _container(self) -> Container:
        return self.client.containers.get(self.name)

    def _hand_over(self) -> None:
        key = login.make_key(self.folder)
        port = self.folder / "port"
        if not port.exists():  # never given before: later, who may log in is the business of what was deployed
            self.succeed(f"umask 077; echo '{key}' >>/root/.ssh/authorized_keys")
        self.pin()
        port.write_text(f"{self.port(22)}\n")


def _keys_of(snapshot: str) -> Path:
    return STATE / "snapshots" / snapshot.removeprefix(f"{_SNAPSHOTS}:")


def targets(client: DockerClient | None = None) -> list[str]:
    """The names of all targets on this machine, running or not."""
    return sorted(box.labels[LABEL] for box in _boxes(client or engine()))


def remove_all(client: DockerClient | None = None) -> None:
    """Remove every target, snapshot and image of ours from the engine, and their keys; the engine stays."""
    client = client or engine()
    for box in _boxes(client):
        box.remove(force=True, v=True)
    for image in client.images.list(filters={"label": LABEL}):
        for tag in image.tags:  # by name: an image that others are made of goes with the last of them
            client.images.remove(tag)
    for folder in ("targets", "snapshots", "machines", "disks"):
        shutil.rmtree(STATE / folder, ignore_errors=True)


def _boxes(client: DockerClient) -> list[Container]:
    return client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True)
