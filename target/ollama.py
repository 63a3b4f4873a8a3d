"""The stand-in for Ollama, packed as its releases are: for targets that can reach none, and tests of fetching."""

import base64
import functools
import gzip
import hashlib
import io
import tarfile

from roles import ROOT
from target.box import Target

PATH = "/var/lib/standin/ollama.tar.gz"
URL = f"file://{PATH}"
_PROGRAM = ROOT / "examples" / "ollama_standin" / "ollama.py"


@functools.cache
def archive() -> bytes:
    """The same bytes each time."""
    files = {
        "./bin/ollama": (_PROGRAM.read_bytes(), 0o755),
        "./lib/ollama/README": (b"A stand-in: see examples/ollama_standin.\n", 0o644),
        "./lib/ollama/cuda_v13/libcuda.so": (b"of no use without a graphics card", 0o644),
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, (content, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)


def sha256() -> str:
    return hashlib.sha256(archive()).hexdigest()


def offer(target: Target, path: str = PATH) -> None:
    """Put the archive on a target: `Ollama(url=URL, sha256=sha256())` installs it."""
    folder = path.rpartition("/")[0]
    text = base64.b64encode(archive()).decode()
    target.succeed(f"mkdir -p {folder} && echo {text} | base64 -d >{path}")
