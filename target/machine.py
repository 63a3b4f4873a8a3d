"""A box with a kernel of its own, emulated: for the few things that a container cannot show. Several times slower."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from roles import Fault
from target import STATE, login
from target.asked import COMMAND_SECONDS, Asked
from target.container import free
from target.disk import Disk
from target.root import install

Progress = Callable[[str], None]

RAM_MB = 1024
_QEMU = "qemu-system-x86_64"
_START_SECONDS = 300
_LIFE_SECONDS = 1800
"""A machine that nobody ended ends by itself."""


@dataclass(frozen=True)
class Machine(Asked):
    """A running machine, bare at each start, that ends with the `with` it was started in."""

    name: str
    disk: Disk
    port: int
    process: "subprocess.Popen[bytes]" = field(repr=False, compare=False)

    @staticmethod
    def start(name: str, distro: str = "", progress: Progress = lambda line: None) -> "Machine":
        """A machine that is up and ready for a login as root. Raises Fault."""
        if shutil.which(_QEMU) is None:
            progress("installing qemu (about 10 s, once)")
            install("qemu-system-x86")
        disk = Disk.made(distro, progress)
        progress(f"starting the machine {name}")
        folder = STATE / "machines" / name
        folder.mkdir(parents=True, exist_ok=True)
        port = free("22/tcp")
        login.pin(folder, (disk.folder / "host_keys").read_text().splitlines(), [("127.0.0.1", port)])
        with (folder / "console.log").open("wb") as console:
            process = subprocess.Popen(
                _command(disk.folder, port), stdin=subprocess.DEVNULL, stdout=console, stderr=console
            )
        machine = Machine(name, disk, port, process)
        try:
            machine._wait()
        except BaseException:
            machine.remove()
            raise
        return machine

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.remove()

    @property
    def key(self) -> Path:
        """root's private key; the public half is beside it, with `.pub`."""
        return self.disk.folder / "id_ed25519"

    @property
    def folder(self) -> Path:
        """Where `known_hosts` and `console.log` of this machine are."""
        return STATE / "machines" / self.name

    def execute(self, command: str) -> tuple[int, str]:
        bound = f"timeout -k 5 {COMMAND_SECONDS} sh -s 2>&1"
        try:
            done = subprocess.run(
                self._ssh(bound), input=command.encode(), capture_output=True, timeout=COMMAND_SECONDS + 30, check=False
            )
        except subprocess.TimeoutExpired as late:
            return 124, (late.stdout or b"").decode(errors="replace")
        return done.returncode, (done.stdout + done.stderr).decode(errors="replace").rstrip("\n")

    def reboot(self) -> None:
        """`systemctl reboot`, and wait until it is back."""
        question = "cat /proc/sys/kernel/random/boot_id"
        before = self.succeed(question)
        self.execute("systemctl --no-block reboot")
        deadline = time.monotonic() + _START_SECONDS
        while self.execute(question)[1] in (before, ""):
            if time.monotonic() > deadline:
                raise Fault(f"machine {self.name} does not come back from a reboot: {self._last()}")
            time.sleep(1)
        self._wait()

    def remove(self) -> None:
        """End it; what it wrote is gone. To be gone already is no error."""
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        state = ""
        while time.monotonic() < deadline and self.process.poll() is None:
            state = self.execute("systemctl is-system-running")[1]
            if state in ("running", "degraded"):
                return
            time.sleep(0.5)
        raise Fault(
            f"machine {self.name} is not up after {_START_SECONDS} s: systemd says {state or 'nothing'}; {self._last()}"
        )

    def _last(self) -> str:
        """The last words on its console, and where the rest is."""
        console = self.folder / "console.log"
        lines = console.read_text(errors="replace").strip().splitlines()[-2:]
        return f"{' / '.join(map(str.strip, lines)) or 'its console is empty'} (all of it: {console})"

    def _ssh(self, command: str) -> list[str]:
        options = ["BatchMode=yes", "StrictHostKeyChecking=yes", "GlobalKnownHostsFile=/dev/null", "ConnectTimeout=20"]
        options += ["ServerAliveInterval=10", "ServerAliveCountMax=3"]  # a reboot may forget to say goodbye
        options += [f"UserKnownHostsFile={self.folder / 'known_hosts'}", "IdentitiesOnly=yes"]
        words = [word for option in options for word in ("-o", option)]
        return ["ssh", "-q", "-F", "none", "-i", str(self.key), *words, "-p", str(self.port), "root@127.0.0.1", command]


def _command(disk: Path, port: int) -> list[str]:
    """qemu, which ends with this process or after half an hour, whichever is first. What is written is not kept."""
    devices = {
        "-drive": f"file={disk / 'disk'},format=raw,if=virtio,cache=unsafe",
        "-netdev": f"user,id=net,hostfwd=tcp:127.0.0.1:{port}-:22",
        "-device": "virtio-net-pci,netdev=net",
        "-kernel": str(disk / "kernel"),
        "-initrd": str(disk / "initrd"),
        "-append": "root=/dev/vda rw console=ttyS0 quiet",
        "-m": str(RAM_MB),
        "-smp": "1",  # two emulated ones can meet a half-patched instruction of the kernel's own, which then panics
    }
    with_us = ["setpriv", "--pdeathsig", "KILL"]
    bounded = [*with_us, "timeout", "-k", "5", str(_LIFE_SECONDS), *with_us]  # its child ends with it, too
    bare = ["-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-snapshot", "-cpu", "max"]
    return [*bounded, _QEMU, *bare, *_accelerator(), *(word for pair in devices.items() for word in pair)]


def _accelerator() -> Sequence[str]:
    # A machine that is itself one may have /dev/kvm and no processor that can do it: qemu would start and hang.
    flags = Path("/proc/cpuinfo").read_text().split()
    real = "vmx" in flags or "svm" in flags
    return ["-accel", "kvm"] if real and os.access("/dev/kvm", os.W_OK) else ["-accel", "tcg"]
