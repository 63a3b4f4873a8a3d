"""A private repository, on an SSH server of the box's own: read by the app's deploy key, and from no other server."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping

import pytest

from roles.keys import made_for_ssh, public_of
from roles.secrets import Store
from target.box import Target
from target.run import Run, boxkeeper, run
from tests.apps.test_release import HERE, REPOSITORY, commit, greeting

pytestmark = pytest.mark.target

INVENTORY = HERE / "inventory.py"
SERVER = "/root/git-server"
TAKEN = f"{SERVER}/authorized_keys"
CONFIG = f"""Port 2022
ListenAddress 127.0.0.1
HostKey {SERVER}/host
AuthorizedKeysFile {TAKEN}.%u
StrictModes no
UsePAM no
AuthenticationMethods publickey
PidFile none
"""


@pytest.fixture(scope="module")
def private(target: Target) -> Iterator[Mapping[str, str]]:
    """What to run with so that the greeter's source is a private repository, which takes nobody's key yet."""
    commit(target, "public")
    assert release({"BOXKEEPER_TARGET": target.name}).code == 0
    commit(target, "private")
    target.succeed(
        f"useradd -m -p '*' gitserver && mkdir -p {SERVER} /run/sshd /srv/git && "
        f"ssh-keygen -q -t ed25519 -N '' -f {SERVER}/host && chmod 711 /root {SERVER}\n"
        f"cat >{SERVER}/config <<'EOF'\n{CONFIG}EOF\n"
        f"touch {TAKEN}.gitserver; git clone -q --bare {REPOSITORY} /srv/git/private; "
        "chown -R gitserver /srv/git/private\n"
        "often='-o PerSourcePenalties=no'; "  # who is refused may try again; before OpenSSH 9.8 they always may
        f"/usr/sbin/sshd -t $often -f {SERVER}/config 2>/dev/null || often=\n"
        f"systemd-run -q --unit=git-server /usr/sbin/sshd -D $often -f {SERVER}/config"
    )
    known = " ".join(target.succeed(f"cat {SERVER}/host.pub").split()[:2])
    yield {
        "BOXKEEPER_TARGET": target.name,
        "GREETER_URL": "ssh://gitserver@127.0.0.1:2022/srv/git/private",
        "GREETER_HOST_KEY": known,
    }
    target.succeed(
        f"systemctl stop git-server; userdel -rf gitserver; rm -rf {SERVER} /srv/git/private; chmod 700 /root"
    )
    for path in INVENTORY.parent.glob("inventory.secrets*"):
        path.unlink()
    INVENTORY.with_suffix(".recipients").unlink()


def release(variables: Mapping[str, str]) -> Run:
    return run(INVENTORY, "deploys/apps.py", "-y", environment=variables)


def rotate(variables: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    return boxkeeper("secrets", "rotate", str(INVENTORY), "greeter", "deploy_key", environment=variables)


def takes(target: Target, *keys: str) -> None:
    """From now on the repository takes these keys and no other one."""
    target.succeed(f"cat >{TAKEN}.gitserver <<'EOF'\n{chr(10).join(keys)}\nEOF")


def key_to_add(said: str) -> str:
    (found,) = set(re.findall(r"for reading: (ssh-ed25519 \S+)", said))
    return str(found)


def test_a_run_says_which_key_the_repository_has_to_take_and_the_next_one_releases(
    target: Target, private: Mapping[str, str]
) -> None:
    refused = release(private)
    assert refused.code == 1
    assert "Permission denied (publickey)" in refused.output
    assert greeting(target) == "public", "what was live goes on"
    takes(target, key_to_add(refused.output))
    assert release(private).code == 0
    assert greeting(target) == "private"
    again = run(INVENTORY, "deploys/apps.py", "--dry", "--json", environment=private)
    assert again.changes == []
    kept = Store.beside(INVENTORY).reveal("greeter/deploy_key")
    assert target.succeed("cat /etc/boxkeeper/apps/greeter.key").strip() == kept.strip()
    assert target.succeed("stat -c '%a %U' /etc/boxkeeper/apps/greeter.key").split() == ["600", "root"]
    assert "PRIVATE KEY" not in refused.output


def test_a_server_that_has_another_key_is_asked_nothing(target: Target, private: Mapping[str, str]) -> None:
    other = {**private, "GREETER_HOST_KEY": public_of(made_for_ssh())}
    refused = release(other)
    assert refused.code == 1
    assert "Host key verification failed" in refused.output
    assert greeting(target) == "private"
    assert release(private).code == 0


def test_the_key_is_another_one_when_the_repository_takes_it_and_the_old_one_no_more(
    target: Target, private: Mapping[str, str]
) -> None:
    store = Store.beside(INVENTORY)
    old = public_of(store.reveal("greeter/deploy_key"))
    adds = rotate(private)
    assert adds.returncode == 1, adds
    new = key_to_add(adds.stderr.decode())
    assert new != old
    takes(target, old, new)
    removes = rotate(private)
    assert (removes.returncode, f"remove it there: {old}" in removes.stderr.decode()) == (1, True), removes
    takes(target, new)
    done = rotate(private)
    assert done.returncode == 0, done
    assert public_of(store.reveal("greeter/deploy_key")) == new
    assert release(private).code == 0
