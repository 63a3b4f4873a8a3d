"""Where certificates come from: what may be chosen, and what the box is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from roles import clashes
from roles.apps import Git
from roles.apps.ai_note_taker import AiNoteTaker
from roles.nginx import Nginx
from roles.resources import File, Files, Resource
from roles.server import Server
from roles.tls import Certificates, Tls, wanted


def server(tls: Tls, domain: str = "notes.example.com") -> Server:
    app = AiNoteTaker(domain=domain, aliases=(f"www.{domain}",), source=Git(url="https://example.com/app.git"))
    return Server(host="192.0.2.1", nginx=Nginx(), tls=tls, apps=(app,))


def told(resources: list[Resource]) -> dict[str, Any]:
    files = [path for each in resources if isinstance(each, Files) for path in each.paths if isinstance(path, File)]
    return dict(json.loads(next(file.content for file in files if file.path.endswith("/certificates.json"))))


def test_by_default_the_ca_is_lets_encrypt() -> None:
    settings = told(list(wanted(server(Tls()))))
    assert settings["certificates"] == "acme"
    assert settings["directory"] == "https://acme-v02.api.letsencrypt.org/directory"
    assert settings["sites"] == [{"name": "ai-note-taker", "names": ["notes.example.com", "www.notes.example.com"]}]


def test_staging_is_lets_encrypts_other_directory() -> None:
    assert "staging" in told(list(wanted(server(Tls(staging=True)))))["directory"]


def test_self_signed_needs_no_certbot() -> None:
    assert "certbot" in [each.name for each in wanted(server(Tls()))]
    assert "certbot" not in [each.name for each in wanted(server(Tls(certificates="self-signed")))]


def test_a_private_ca_is_trusted_by_its_own_root(tmp_path: Path) -> None:
    root = tmp_path / "root.pem"
    root.write_text("-----BEGIN CERTIFICATE-----\n")
    tls = Tls(directory="https://ca.example.com/acme/acme/directory", authority=str(root), resolver="10.0.0.2:5353")
    assert tls.faults == ()
    settings = told(list(wanted(server(tls))))
    assert settings["authority"] == "/etc/boxkeeper/acme-authority.pem"
    assert settings["resolver"] == ["10.0.0.2", 5353]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("email", "me"),
        ("email", "me@example"),
        ("email", "--x@example.com"),
        ("email", "a b@example.com"),
        ("directory", "http://ca.example.com/dir"),
        ("directory", "https://ca.example.com/ dir"),
        ("directory", "ca.example.com"),
        ("resolver", "dns.example.com"),
        ("resolver", "10.0.0.256"),
        ("resolver", "10.0.0.1:port"),
        ("certificates", "none"),
    ],
)
def test_what_can_not_work_is_refused_by_name(setting: str, value: str) -> None:
    faults = Tls(**{setting: value}).faults
    assert len(faults) == 1
    assert faults[0].startswith(f"Tls.{setting}: ")


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("/nonexistent/root.pem", "can't be read: No such file or directory"),
        (str(Path(__file__).with_name("test_nginx.py")), "holds no certificate in PEM form"),
    ],
)
def test_a_root_that_is_no_certificate_is_refused(file: str, said: str) -> None:
    tls = Tls(directory="https://ca.example.com/dir", authority=file)
    assert f"Tls.authority: {file} {said}" in clashes.within(server(tls))


@pytest.mark.parametrize(
    ("text", "pair"), [("9.9.9.9", ["9.9.9.9", 53]), ("[::1]:5", ["::1", 5]), ("::1", ["::1", 53])]
)
def test_a_resolver_may_have_a_port(text: str, pair: list[Any]) -> None:
    assert told(list(wanted(server(Tls(resolver=text)))))["resolver"] == pair


def test_staging_and_a_directory_exclude_each_other() -> None:
    assert len(Tls(staging=True, directory="https://ca.example.com/dir").faults) == 1


@pytest.mark.parametrize("domain", ["notes.local", "notes.test", "notes.localhost", "a.internal"])
def test_a_domain_that_no_public_ca_vouches_for_is_refused_with_the_line_to_type(domain: str) -> None:
    apps = server(Tls(), domain).apps
    assert all('tls=Tls(certificates="self-signed")' in fault for fault in Tls().clashes(apps))
    assert len(list(Tls().clashes(apps))) == 2
    assert list(Tls(certificates="self-signed").clashes(apps)) == []
    assert list(Tls(directory="https://ca.example.com/dir").clashes(apps)) == []


def test_only_sites_with_a_fault_are_sent() -> None:
    sites = [{"name": "a", "names": ["a.example.com"]}, {"name": "b", "names": ["b.example.com"]}]
    resource = Certificates(sites)
    assert resource.differences(["", ""]) == []
    assert resource.differences(["", "has no certificate"]) == ["b has no certificate"]
    assert resource.payload(["", "has no certificate"]) == sites[1:]
