"""The source of an app on the box: which commit a ref means, and how it gets into a folder."""

from __future__ import annotations

import base64
import functools
import io
import os
import subprocess
import tarfile
from typing import Any

from onbox.shell import Failed, run

Json = Any


def commit(git: Json) -> str | None:
    """The commit that the ref of a repository means now, or None where that is not found."""
    return _commit(git["url"], git["ref"], git.get("ssh"))


@functools.cache
def _commit(url: str, ref: str, ssh: str | None) -> str | None:
    """A full commit needs no question; anything else asks the repository, once."""
    if len(ref) == 40 and all(char in "0123456789abcdef" for char in ref):
        return str(ref)
    # With `refs/` before them: a bare name would also match the ends of others, `main` that of `feature/main`.
    names = [f"refs/heads/{ref}", f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}"]
    try:
        done = _remote(url, ssh, *names)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = {name: commit for commit, _, name in (line.partition("\t") for line in done.stdout.splitlines())}
    return next((found[name] for name in names if name in found), None)  # `^{}` is what an annotated tag points to


def refusal(url: str, ssh: str | None) -> str:
    """Why a repository can't be read; "" where it can. Raises OSError or TimeoutExpired where git does not say."""
    done = _remote(url, ssh, "HEAD")
    if done.returncode == 0:
        return ""
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    # git's own end of it is the same for everything that can be wrong
    own = ("fatal: Could not read", "Please make sure", "and the repository exists")
    return ([line for line in said if not line.startswith(own)] or said or [f"git: exit code {done.returncode}"])[-1]


def _remote(url: str, ssh: str | None, *names: str) -> subprocess.CompletedProcess[str]:
    """What a repository says of refs, asked without a terminal and at most for half a minute."""
    line, environment = ["git", "ls-remote", "--", url, *names], {**os.environ, **_quiet(ssh)}
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=30, check=False)


def _quiet(ssh: str | None) -> dict[str, str]:
    return {"GIT_TERMINAL_PROMPT": "0", **({"GIT_SSH_COMMAND": ssh} if ssh else {})}


def unpack(spec: Json, folder: str) -> None:
    """Put the source that a spec describes into a folder: its `archive`, or a commit of its `git`."""
    if spec["archive"] is None:
        git = ["git", "-c", "advice.detachedHead=false", "-C", folder]
        run([*git, "init", "--quiet"])
        fetch = [*git, "fetch", "--quiet", "--depth", "1", spec["git"]["url"], spec["source"]]
        run(fetch, env=_quiet(spec["git"].get("ssh")))
        run([*git, "checkout", "--quiet", "FETCH_HEAD"])
        return
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(spec["archive"])), mode="r:gz") as tar:
        for entry in tar.getmembers():
            if os.path.isabs(entry.name) or ".." in entry.name.split("/"):
                raise Failed(f"the source holds {entry.name}, which points outside of it")
        # what this archive may hold was decided when it was packed; the filter is a second lock, where Python has it
        if hasattr(tarfile, "data_filter"):
            tar.extractall(folder, filter="data")
        else:
            tar.extractall(folder)
