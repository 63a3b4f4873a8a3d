"""The disk of a machine: the target's own image, with a kernel, as a file system and what boots it. Made once."""

import hashlib
import io
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from os import environ
from pathlib import Path

from docker import DockerClient
from docker.errors import APIError, BuildError

from roles import Fault
from target import LABEL, STATE, login
from target.engine import engine
from target.image import image
from target.root import as_root, only_one, run_as_root

Progress = Callable[[str], None]

SIZE = "8G"
"""What the box thinks it has; on this machine the file takes what is in it, about 400 MB."""

_DISKS = STATE / "disks"
BROUGHT = "unattended-upgrades needrestart logrotate"
"""What the base role installs. It is there already: under emulation that takes minutes, and containers show it."""
_RECIPE = """\
FROM {base}
RUN mkdir -p /etc/initramfs-tools/conf.d && echo MODULES=list >/etc/initramfs-tools/conf.d/machine \\
 && printf 'virtio_pci\\nvirtio_blk\\next4\\n' >/etc/initramfs-tools/modules \\
 && if grep -q '^ID=ubuntu' /etc/os-release; then kernel=linux-image-virtual; else kernel=linux-image-cloud-amd64; fi \\
 && apt-get update && DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Options::=--force-confold install -y \\
    --no-install-recommends initramfs-tools "$kernel" {brought} && apt-get clean && rm -rf /var/lib/apt/lists/*
RUN systemctl unmask systemd-modules-load && systemctl enable systemd-networkd && rm /entry && ssh-keygen -A \\
 && printf '[Match]\\nType=ether\\n[Network]\\nDHCP=ipv4\\n' >/etc/systemd/network/machine.network \\
 && echo '/dev/vda / ext4 defaults 0 1' >/etc/fstab && umask 077 && echo '{key}' >/root/.ssh/authorized_keys
"""
_NAMED = """\
rm -f "$1/.dockerenv" && echo machine >"$1/etc/hostname" && echo nameserver 10.0.2.3 >"$1/etc/resolv.conf" \\
 && printf '127.0.0.1\\tlocalhost\\n127.0.1.1\\tmachine\\n\\n::1\\tlocalhost ip6-localhost\\n' >"$1/etc/hosts" \\
 && cp "$1"/boot/vmlinuz-* "$2/kernel" && cp "$1"/boot/initrd.img-* "$2/initrd" \\
 && cat "$1"/etc/ssh/ssh_host_*_key.pub >"$2/host_keys" && mke2fs -q -t ext4 -d "$1" "$2/disk" {size} \\
 && chmod 644 "$2/disk" "$2/kernel" "$2/initrd"
"""
"""What only a folder can be given: in a container these three files are the engine's."""


@dataclass(frozen=True)
class Disk:
    """A folder with `disk`, `kernel`, `initrd`, the `host_keys` of the box and root's key pair."""

    folder: Path

    @staticmethod
    def made(distro: str = "", progress: Progress = lambda line: None) -> "Disk":
        """The disk of `distro` (BOXKEEPER_DISTRO where it is not given), made first where missing. Raises Fault."""
        client = engine(progress)
        base = image(client, distro or environ.get("BOXKEEPER_DISTRO", ""), progress)
        with only_one("disk"):
            digest = hashlib.sha256(f"{base}\0{_RECIPE}\0{BROUGHT}\0{_NAMED}\0{SIZE}".encode()).hexdigest()[:12]
            folder = _DISKS / f"{base.rpartition(':')[2]}-{digest}"
            if not folder.exists():
                progress("making a disk with a kernel (about 20 s, once)")
                _make(client, base, folder)
        return Disk(folder)


def _make(client: DockerClient, base: str, folder: Path) -> None:
    """All or nothing: made beside its place and moved there. Older disks go."""
    if _DISKS.exists():
        run_as_root("rm", "-rf", "--one-file-system", *map(str, _DISKS.iterdir()), log="disk.log")
    _DISKS.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix="new-", dir=_DISKS))
    root = fresh / "root"
    root.mkdir()
    key = login.make_key(fresh)
    _unpack(client, _built(client, _RECIPE.format(base=base, key=key, brought=BROUGHT)), root)
    run_as_root("sh", "-c", _NAMED.format(size=SIZE), "sh", str(root), str(fresh), log="disk.log")
    run_as_root("rm", "-rf", "--one-file-system", str(root), log="disk.log")
    fresh.rename(folder)


def _built(client: DockerClient, recipe: str) -> str:
    try:
        made, _ = client.images.build(fileobj=io.BytesIO(recipe.encode()), labels={LABEL: "image"}, forcerm=True)
    except (BuildError, APIError) as error:
        lines = "".join(str(line.get("stream", "")) for line in getattr(error, "build_log", [])).strip().splitlines()
        raise Fault(f"the machine's disk does not build: {error}: {' / '.join(lines[-3:])}") from error
    return str(made.id)


def _unpack(client: DockerClient, made: str, root: Path) -> None:
    container = client.containers.create(made)
    unpack = subprocess.Popen(as_root("tar", "-C", str(root), "--numeric-owner", "-x"), stdin=subprocess.PIPE)
    assert unpack.stdin is not None
    try:
        with unpack.stdin as pipe:
            for chunk in container.export():
                assert isinstance(chunk, bytes)  # its declared type is wrong
                pipe.write(chunk)
    finally:
        container.remove(force=True)
        client.images.remove(made)  # the folder is all that is wanted of it
    if unpack.wait() != 0:
        raise Fault(f"tar could not write {root} ({unpack.returncode}): is the disk full?")
