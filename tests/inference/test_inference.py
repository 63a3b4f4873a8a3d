"""The inference server on a box of its own: it answers the box that it is told, with the token, and nobody else."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from target import own
from target.box import Target
from target.project import Project

pytestmark = pytest.mark.target

NAME = os.environ.get("BOXKEEPER_INFERENCE_TARGET", own("inferencebox"))
DOMAIN, TOKEN = "inference.localhost", "i" * 40


@dataclass(frozen=True)
class Inference(Project):
    """The box, and this machine as a neighbour of it."""

    here = Path(__file__).parent
    variable = "INFERENCE"

    def ask(self, method: str, path: str, token: str = TOKEN, **more: Any) -> httpx.Response:
        """A request to the box's own address, as over a private network, with the name of the site in TLS."""
        headers = {"Host": DOMAIN, "Authorization": f"Bearer {token}"}
        extensions = {"sni_hostname": DOMAIN}
        with httpx.Client(verify=False, base_url=f"https://{self.target.address}", headers=headers) as client:
            return client.request(method, path, extensions=extensions, **more)

    def mine(self) -> str:
        """The address by which the box knows this machine."""
        with socket.create_connection((self.target.address, 22), 5) as link:
            return str(link.getsockname()[0])


@pytest.fixture(scope="module")
def inference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inference]:
    """A box that full.py has been run on, for this machine to ask."""
    with Inference.on(Target.start(NAME), tmp_path_factory.mktemp("project")) as box:
        box.store.set("rodeo-inference/INFERENCE_TOKEN", TOKEN)
        box.converge(allow=[box.mine()])
        yield box


def test_a_second_run_changes_nothing(inference: Inference) -> None:
    assert inference.changes(allow=[inference.mine()]) == []


def test_who_may_ask_and_has_the_token_gets_an_embedding(inference: Inference) -> None:
    answer = inference.ask("POST", "/embed", content=b"saddle")
    assert answer.status_code == 200
    assert len(answer.json()["embedding"]) == 64


@pytest.mark.parametrize("token", ["-", "x" * 40])
def test_without_the_token_there_is_none(inference: Inference, token: str) -> None:
    assert inference.ask("POST", "/embed", token=token, content=b"saddle").status_code == 401


def test_nothing_but_ssh_and_the_site_can_be_reached(inference: Inference) -> None:
    listening = inference.target.succeed("ss -Htln | awk '{print $4}'").split()
    open_to_all = {place.rpartition(":")[2] for place in listening if not place.startswith(("127.", "[::1]"))}
    assert open_to_all <= {"22", "80", "443"}


def test_an_address_that_is_not_told_is_refused_and_a_challenge_of_the_ca_is_not(inference: Inference) -> None:
    inference.converge(allow=["10.99.0.1"])
    try:
        for path in ("/embed", "/health", "/"):
            assert inference.ask("POST", path, content=b"saddle").status_code == 403, path
        inference.target.succeed("echo proof >/var/www/boxkeeper/.well-known/acme-challenge/x")
        challenge = f"http://{inference.target.address}/.well-known/acme-challenge/x"
        assert httpx.get(challenge, headers={"Host": DOMAIN}).text == "proof\n"
    finally:
        inference.converge(allow=[inference.mine()])
