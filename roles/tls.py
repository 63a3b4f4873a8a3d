"""Certificates: self-signed at first, so that a box works before its DNS does; a CA's once a domain leads here."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from roles import Settings, firewall, render
from roles.apps import App
from roles.budget import Cost, Size
from roles.resources import Directory, File, Files, Json, Packages, Resource, Unit, Units

if TYPE_CHECKING:
    from roles.server import Server

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"
WEBROOT = "/var/www/boxkeeper"
HOME = "/etc/boxkeeper/tls"
AUTHORITY = "/etc/boxkeeper/acme-authority.pem"
STRANGER = "_stranger"
"""Whose certificate answers unknown names where nginx can't refuse them. No app can be called so."""

# https://www.iana.org/assignments/special-use-domain-names: no public CA issues for them.
_PRIVATE = (".test", ".local", ".localhost", ".internal", ".invalid", ".example", ".home.arpa", ".onion")


class Tls(Settings):
    """Where certificates come from."""

    paths: ClassVar[tuple[str, ...]] = ("authority",)

    certificates: Literal["acme", "self-signed"] = Field(
        default="acme", description="From a CA, by itself, once a domain leads to this box; or self-signed for good"
    )
    email: str | None = Field(default=None, description="Where the CA writes to when something is wrong; most never do")
    directory: str = Field(
        default=LETS_ENCRYPT, description="ACME directory of the CA; using it accepts that CA's terms of service"
    )
    staging: bool = Field(default=False, description="Let's Encrypt's rehearsal CA: same steps, untrusted certificates")
    authority: str | None = Field(
        default=None, description="PEM file on your machine: the root that a private CA's own directory is trusted by"
    )
    resolver: str | None = Field(
        default=None, description="Name server that knows your domains, ADDRESS or ADDRESS:PORT; else the box's own"
    )

    def costs(self, apps: Sequence[App], size: Size) -> Iterator[Cost]:
        """certbot, where a CA is asked."""
        if self.certificates == "acme":
            yield Cost("certbot", disk_mb=100, brief_mb=80, there="/opt/boxkeeper/certbot")

    @field_validator("email")
    @classmethod
    def _email(cls, email: str | None) -> str | None:
        if email is not None and not re.fullmatch(r"\w[\w.+-]*@([a-zA-Z0-9-]+\.)+[a-zA-Z]{2,}", email, re.ASCII):
            raise ValueError(f"{email!r} is no e-mail address")
        return email

    @field_validator("directory")
    @classmethod
    def _directory(cls, directory: str) -> str:
        if not re.fullmatch(r"https://[\w.\[\]:-]+(/[\w./~%=?&+-]*)?", directory, re.ASCII):
            raise ValueError(f"{directory!r} is no ACME directory; it looks like {LETS_ENCRYPT}")
        return directory

    @field_validator("resolver")
    @classmethod
    def _resolver(cls, resolver: str | None) -> str | None:
        if resolver is not None:
            _address_and_port(resolver)
        return resolver

    @model_validator(mode="after")
    def _one_directory(self) -> Tls:
        if self.staging and self.directory != LETS_ENCRYPT:
            raise ValueError("`staging=True` is Let's Encrypt's; with a `directory` of your own, leave it out")
        return self

    def clashes(self, apps: Sequence[App]) -> Iterator[str]:
        """Domains that no public CA can vouch for."""
        if self.certificates == "acme" and self.directory == LETS_ENCRYPT:
            for app in apps:
                for name in app.names:
                    if f".{name}".endswith(_PRIVATE):
                        yield f'{app.name}: no CA issues for {name}: use `tls=Tls(certificates="self-signed")`'


def _address_and_port(resolver: str) -> tuple[str, int]:
    found = re.fullmatch(r"\[([0-9a-fA-F:]+)\](?::(\d{1,5}))?|([0-9.]+)(?::(\d{1,5}))?|([0-9a-fA-F:]+)", resolver)
    try:
        if found is None:
            raise ValueError
        address = str(ipaddress.ip_address(found[1] or found[3] or found[5]))
    except ValueError:
        raise ValueError(f"{resolver!r} is no name server; write it like `9.9.9.9` or `10.0.0.2:5353`") from None
    return address, int(found[2] or found[4] or 53)


def sites(server: Server) -> list[Json]:
    """What the box knows the sites by: every app that has routes is one."""
    return [{"name": app.name, "names": app.names} for app in server.apps if app.routes]


@dataclass(frozen=True)
class Certificates:
    """A certificate that nginx can serve, for each site. Which one is the business of `boxkeeper-certificates`."""

    sites: Sequence[Json]
    name: str = "certificates"
    kind: ClassVar[str] = "certificates"

    def query(self) -> Json:
        return list(self.sites)

    def differences(self, found: Json) -> Sequence[str]:
        return [f"{site['name']} {fault}" for site, fault in zip(self.sites, found, strict=True) if fault]

    def payload(self, found: Json) -> Json:
        return [site for site, fault in zip(self.sites, found, strict=True) if fault]


@dataclass(frozen=True)
class Certbot:
    """certbot in an environment of its own, from a list with the hash of every file."""

    requirements: str
    name: str = "certbot"
    kind: ClassVar[str] = "certbot"

    def query(self) -> Json:
        return hashlib.sha256(self.requirements.encode()).hexdigest()

    def differences(self, found: Json) -> Sequence[str]:
        return [] if found else ["certbot is missing or of another version"]

    def payload(self, found: Json) -> Json:
        return self.requirements


def wanted(server: Server) -> Iterator[Resource]:
    tls = server.tls
    if tls is None:
        return
    acme = tls.certificates == "acme"
    yield Packages(["openssl", *(["python3-venv"] if acme else [])])
    yield Files(_files(server, tls))
    yield Certificates([*sites(server), _stranger()])
    if acme:
        yield Certbot(render("tls/certbot.txt.j2").decode())
    timer = Unit("boxkeeper-certificates.timer", watch=(_TIMER, "/etc/boxkeeper/certificates.json", AUTHORITY))
    yield Units([timer])


_SERVICE = "/etc/systemd/system/boxkeeper-certificates.service"
_TIMER = "/etc/systemd/system/boxkeeper-certificates.timer"


def _stranger() -> Json:
    return {"name": STRANGER, "names": ["unknown.invalid"]}


def _files(server: Server, tls: Tls) -> list[Directory | File]:
    challenges = [f"{WEBROOT}/.well-known", f"{WEBROOT}/.well-known/acme-challenge"]
    folders = ["/etc/boxkeeper", "/etc/letsencrypt", "/var/www", WEBROOT, *challenges]
    settings = {
        "certificates": tls.certificates,
        "directory": STAGING if tls.staging else tls.directory,
        "email": tls.email,
        "authority": AUTHORITY if tls.authority else None,
        "resolver": _address_and_port(tls.resolver) if tls.resolver else None,
        "webroot": WEBROOT,
        "sites": sites(server),
        "stranger": _stranger(),
        "only": firewall.admitted(server),
    }
    files = [
        File("/etc/boxkeeper/certificates.json", (json.dumps(settings, indent=2) + "\n").encode()),
        File(_SERVICE, render("tls/boxkeeper-certificates.service.j2")),
        File(_TIMER, render("tls/boxkeeper-certificates.timer.j2")),
    ]
    if tls.authority:
        files.append(File(AUTHORITY, Path(tls.authority).read_bytes()))
    return [*map(Directory, folders), Directory(HOME, "0700"), *files]
