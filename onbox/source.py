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


@functools.cache
def commit(url: str, ref: str) -> str | None:
    """The commit that a ref means now. A full commit needs no question; anything else asks the repository, once."""
    if len(ref) == 40 and all(char in "0123456789abcdef" for char in ref):
        return str(ref)
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    # With `refs/` before them: a bare name would also match the ends of others, `main` that of `feature/main`.
    names = [f"refs/heads/{ref}", f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}"]
    command = ["git", "ls-remote", "--", url, *names]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = {name: commit for commit, _, name in (line.partition("\t") for line in done.stdout.splitlines())}
    return next((found[name] for name in names if name in found), None)  # `^{}` is what an annotated tag points to


def unpack(spec: Json, folder: str) -> None:
    """Put the source that a spec describes into a folder: its `archive`, or a commit of its `git`."""
    if spec["archive"] is None:
        git = ["git", "-c", "advice.detachedHead=false", "-C", folder]
        run([*git, "init", "--quiet"])
        fetch = [*git, "fetch", "--quiet", "--depth", "1", spec["git"]["url"], spec["source"]]
        run(fetch, env={"GIT_TERMINAL_PROMPT": "0"})
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
