"""What goes into the image of a target: files in, build context and its hash out. Touches no engine."""

import hashlib
import io
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

AUTHORITIES = Path("/usr/local/share/ca-certificates")
"""Where Debian and Ubuntu keep the authorities that this machine trusts beyond the usual ones."""

_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
_PACKAGES = (
    "systemd systemd-sysv libpam-systemd dbus openssh-server sudo python3 ca-certificates"
    " iproute2 iputils-ping procps netbase cron tzdata"
)
_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Recipe:
    """The build context of an image, as `path: content`, and the arguments of its Dockerfile."""

    files: Mapping[str, bytes]
    arguments: Mapping[str, str]

    def hash(self) -> str:
        """12 hex digits that change with anything that the image is made of."""
        digest = hashlib.sha256(repr(sorted(self.arguments.items())).encode())
        for name, content in sorted(self.files.items()):
            digest.update(f"\0{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()[:12]

    def context(self) -> bytes:
        """The files as a gzipped tar, the form that Docker's build takes."""
        output = io.BytesIO()
        with tarfile.open(fileobj=output, mode="w:gz") as archive:
            for folder in ("authorities", "settings"):
                entry = tarfile.TarInfo(folder)
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(entry)
            for name, content in sorted(self.files.items()):
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(content), 0o755 if name == "entry" else 0o644
                archive.addfile(entry, io.BytesIO(content))
        return output.getvalue()


def recipe(base: str, authorities: Path = AUTHORITIES) -> Recipe:
    """The recipe on top of image `base`; the box trusts what this machine trusts through `authorities`."""
    own = {path.name: path.read_bytes() for path in sorted(authorities.glob("*.crt"))}
    files = {name: (_HERE / name).read_bytes() for name in ("Dockerfile", "entry")}
    files |= {f"authorities/{name}": content for name, content in own.items()}
    files |= {f"settings/{name}": text.encode() for name, text in _settings(environment(authorities)).items()}
    # packages are written to the disk a tenth sooner; a box of tests has nothing to lose in a power cut
    files["settings/etc/dpkg/dpkg.cfg.d/target"] = b"force-unsafe-io\n"
    return Recipe(files, {"BASE": base, "PACKAGES": _PACKAGES})


def environment(authorities: Path = AUTHORITIES) -> dict[str, str]:
    """What every program on the box needs in its environment to reach what this machine reaches."""
    # Each of these programs has a bundle of its own that an added authority does not reach.
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO")
    bundle = dict.fromkeys(names, _BUNDLE) if any(authorities.glob("*.crt")) else {}
    proxies = [case for name in ("http_proxy", "https_proxy", "no_proxy") for case in (name, name.upper())]
    return bundle | {name: os.environ[name] for name in proxies if os.environ.get(name)}


def _settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Files that give `environment` to logins (PAM), cron, units, sudo and a bare `env -i`."""
    if not environment:
        return {}
    pairs = [f'{name}="{value}"' for name, value in environment.items()]
    settings = {
        "etc/environment": "\n".join(pairs) + "\n",
        "etc/systemd/system.conf.d/machine.conf": "[Manager]\nDefaultEnvironment=" + " ".join(pairs) + "\n",
        "etc/systemd/user.conf.d/machine.conf": "[Manager]\nDefaultEnvironment=" + " ".join(pairs) + "\n",
        "etc/sudoers.d/machine": f'Defaults env_keep += "{" ".join(environment)}"\n',
    }
    if "PIP_CERT" in environment:
        settings["etc/pip.conf"] = f"[global]\ncert = {_BUNDLE}\n"
        settings["etc/uv/uv.toml"] = "system-certs = true\n"
        settings["etc/gitconfig"] = f"[http]\n\tsslCAInfo = {_BUNDLE}\n"
    return settings
