"""A base image of Debian where no registry answers, made from packages alone."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from docker import DockerClient

from roles import Fault
from target import LABEL, STATE
from target.root import as_root, install, run_as_root

SUITES = {"debian:12": "bookworm", "debian:13": "trixie"}
"""What can be made, by the name that a registry would give it."""

_INCLUDE = "systemd,systemd-sysv,dbus,openssh-server,python3,sudo,ca-certificates,iproute2"
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def tag(distro: str) -> str:
    """The tag that `make(client, distro)` gives."""
    return f"boxkeeper/base:{SUITES[distro]}"


def make(client: DockerClient, distro: str) -> None:
    """Make the base image of `distro`, all or nothing: about a minute, 400 MB on disk meanwhile.

    Raises Fault with the last lines of debootstrap.
    """
    if shutil.which("debootstrap", path="/usr/sbin:/sbin") is None or not Path(_KEYRING).exists():
        install("debootstrap", "debian-archive-keyring")
    STATE.mkdir(exist_ok=True)
    for leftover in STATE.glob("base-*"):
        _remove(leftover)
    folder = Path(tempfile.mkdtemp(prefix="base-", dir=STATE))
    try:
        _fill(folder, SUITES[distro])
        _write_sources(folder, SUITES[distro])
        _import(client, folder, tag(distro))
    finally:
        _remove(folder)


def _fill(folder: Path, suite: str) -> None:
    # Namespaces of its own: what debootstrap mounts and starts ends with it, and it ends with us.
    with_us = ["setpriv", "--pdeathsig", "KILL"]
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    options = ["--variant=minbase", f"--include={_INCLUDE}", f"--keyring={_KEYRING}"]
    mirror = _archives().get("debian")
    place = [suite, str(folder), *([mirror] if mirror else [])]
    run_as_root(*with_us, *apart, "debootstrap", *options, *place, log="debootstrap.log")


def _archives() -> dict[str, str]:
    """The archives that this machine itself uses, by name: "debian", "debian-security"; none on Ubuntu."""
    etc = Path("/etc/apt")
    lists = [etc / "sources.list", *etc.glob("sources.list.d/*.list"), *etc.glob("sources.list.d/*.sources")]
    text = "\n".join(path.read_text() for path in lists if path.exists())
    line = r"^(?:deb\s|URIs:)[^#\n]*?(https?://\S+?/(debian|debian-security))/?(?=\s|$)"
    found = re.findall(line, text, re.M)
    return {kind: uri for uri, kind in reversed(found)}


def _write_sources(folder: Path, suite: str) -> None:
    mirror = (folder / "etc/apt/sources.list").read_text().split()[1]
    security = _archives().get("debian-security", f"{mirror.rstrip('/')}-security")
    text = "\n".join(
        f"Types: deb\nURIs: {uri}\nSuites: {suites}\nComponents: main\nSigned-By: {_KEYRING}\n"
        for uri, suites in ((mirror, f"{suite} {suite}-updates"), (security, f"{suite}-security"))
    )
    place = folder / "etc/apt/sources.list.d/debian.sources"
    subprocess.run(as_root("tee", str(place)), input=text.encode(), stdout=subprocess.DEVNULL, check=True)
    subprocess.run(as_root("rm", str(folder / "etc/apt/sources.list")), check=True)


def _import(client: DockerClient, folder: Path, name: str) -> None:
    leave_out = ("--exclude=./var/cache/apt/archives/*.deb", "--exclude=./var/lib/apt/lists/*_*")
    pack = subprocess.Popen(as_root("tar", "-C", str(folder), *leave_out, "-c", "."), stdout=subprocess.PIPE)
    assert pack.stdout is not None
    repository, _, version = name.partition(":")
    label = [f"LABEL {LABEL}=image"]
    client.api.import_image(pack.stdout, repository, f"{version}-new", changes=label, stream_src=True)
    if pack.wait() != 0:
        client.images.remove(f"{name}-new")
        raise Fault(f"tar could not read {folder} ({pack.returncode})")
    client.images.get(f"{name}-new").tag(repository, version)
    client.images.remove(f"{name}-new")


def _remove(folder: Path) -> None:
    subprocess.run(as_root("rm", "-rf", "--one-file-system", str(folder)), check=True)
