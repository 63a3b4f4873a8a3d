"""A box that can be asked, whatever it is made of: what tests say to it, on top of one `execute`."""

import time
from abc import ABC, abstractmethod

COMMAND_SECONDS = 900


class Asked(ABC):
    """A box that runs commands as root."""

    name: str

    @abstractmethod
    def execute(self, command: str) -> tuple[int, str]:
        """Run `command` in sh as root: exit code and output. Cut off after 15 minutes with code 124."""

    def succeed(self, command: str) -> str:
        """The output of a `command` that must succeed. Raises AssertionError with the output."""
        code, output = self.execute(command)
        assert code == 0, f"`{command}` failed ({code}) on target {self.name}:\n{output}"
        return output

    def fail(self, command: str) -> str:
        """The output of a `command` that must fail. Raises AssertionError with the output."""
        code, output = self.execute(command)
        assert code != 0, f"`{command}` succeeded on target {self.name}:\n{output}"
        return output

    def install(self, *packages: str) -> None:
        """Packages of its distribution. A new box fetches lists by itself, and for that lock apt does not wait."""
        self.wait_until("apt-get -qq update", 120)
        apt = "DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300"
        self.succeed(f"{apt} install --no-install-recommends {' '.join(packages)} 2>&1")

    def wait_until(self, command: str, seconds: float = 30) -> str:
        """The output of `command` once it succeeds. Raises AssertionError when it has not after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            code, output = self.execute(command)
            if code == 0:
                return output
            assert time.monotonic() < deadline, f"`{command}` fails ({code}) after {seconds} s:\n{output}"
            time.sleep(0.2)
