"""ChromaDB, as far as no box is needed: ports, tokens, sizes. The rest is in tests/chroma."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from pydantic import SecretStr

from roles import chroma
from roles.apps import App, Folder
from roles.budget import Size, bill
from roles.chroma import Chroma, Instance
from roles.rotation import supplied
from roles.server import Server


class Rodeo(App):
    title = "Rodeo"
    needs = frozenset({"chroma"})


def app(name: str = "rodeo-ai", memory: str = "384mb") -> App:
    return Rodeo(name=name, domain=f"{name}.example.com", source=Folder(path="."), chroma_memory=memory)


def instance(app: App, token: str = "t" * 40) -> Instance:
    return Instance(app, 7500, [SecretStr(token)])


def server(*apps: App, **more: Any) -> Server:
    made = Server(host="192.0.2.1", chroma=Chroma(), apps=apps, **more)
    made._kept.update({f"{one.name}/chroma": supplied("t" * 40) for one in apps})
    return made


def sent(one: Instance) -> dict[str, str]:
    """The files of an instance as they are sent to a bare box."""
    own = chroma.files([one])
    paths = own.payload({"paths": [None] * len(own.query()), "leftovers": []})["paths"]
    return {path["path"]: base64.b64decode(path["content"]).decode() for path in paths if "content" in path}


def test_an_app_is_told_where_and_with_which_token() -> None:
    box = server(app())
    made = chroma.variables(box, box.apps[0])
    assert made["CHROMA_URL"] == f"http://127.0.0.1:{Chroma().port(app())}"
    assert made["CHROMA_TOKEN"] == "t" * 40
    assert made["ANONYMIZED_TELEMETRY"] == "False"


def test_ports_leave_those_of_redis_and_what_firewalls_know_alone() -> None:
    ports = {Chroma().port(app(f"app-{number}")) for number in range(500)}
    assert min(ports) >= 7400
    assert max(ports) < 8000


def test_of_the_token_only_its_hash_is_in_the_files_and_they_are_closed() -> None:
    files = sent(instance(app()))
    assert all("t" * 40 not in text for text in files.values())
    (door,) = [json.loads(text) for path, text in files.items() if path.endswith("/rodeo-ai.json")]
    assert files[door["tokens"]] == hashlib.sha256(b"t" * 40).hexdigest() + "\n"
    (entry,) = [path for path in instance(app()).paths if path.path == door["tokens"]]
    assert entry.wanted()["mode"] == "0640"
    assert entry.wanted()["group"] == "chroma-rodeo-ai"


def test_each_instance_has_its_own_account_folder_port_and_cap() -> None:
    one, other = instance(app("one", "1gb")), instance(app("o" * 31, "200mb"))
    assert len(other.user) == 32
    files = sent(one)
    unit = files["/etc/systemd/system/boxkeeper-chroma@one.service.d/boxkeeper.conf"]
    assert "User=chroma-one\n" in unit
    assert "MemoryMax=1024M\n" in unit
    assert "ReadWritePaths=/var/lib/boxkeeper-chroma/one\n" in unit
    assert "ListenStream=127.0.0.1:7500" in files["/etc/systemd/system/boxkeeper-chroma@one.socket.d/boxkeeper.conf"]


def test_nothing_of_it_is_on_a_box_whose_apps_do_not_need_it() -> None:
    class Plain(Rodeo):
        needs = frozenset()

    plain = Plain(name="plain", domain="a.example.com", source=Folder(path="."))
    assert list(chroma.wanted(server(plain))) == []


@pytest.mark.parametrize("memory", ["64mb", "500kb"])
def test_a_cap_that_holds_nothing_is_a_clash(memory: str) -> None:
    (said,) = Chroma().clashes([app(memory=memory)])
    assert 'write e.g. `chroma_memory="384mb"`' in said


def test_a_cap_that_is_no_size_is_a_fault() -> None:
    assert any("'lots' is no size" in fault for fault in app(memory="lots").faults)


def test_a_cap_counts_in_full() -> None:
    costs = list(Chroma().costs([app("one"), app("two", "1gb")], Size(4000, 40_000)))
    assert [(cost.what, cost.ram_mb) for cost in costs] == [
        ("Chroma", 0),
        ("Chroma of one", 384),
        ("Chroma of two", 1024),
    ]
    assert costs[2].less_ram == "a smaller `chroma_memory` for two"


def test_nothing_is_counted_where_no_app_needs_it() -> None:
    assert list(Chroma().costs([], Size(4000, 40_000))) == []


def test_the_cap_that_nobody_chose_fits_a_box_of_one_gigabyte() -> None:
    assert not any(bill(server(app()), Size(961, 20_000)).lacks())


def test_two_apps_on_one_port_are_told_what_to_write() -> None:
    one, other = app("one"), app("two")
    clash = Chroma(ports={"two": Chroma().port(one)})
    (said,) = clash.clashes([one, other])
    assert f'`chroma=Chroma(ports={{"two": {Chroma().port(one) + 1}}})`' in said


def test_an_app_that_needs_it_on_a_server_without_is_told_what_to_add() -> None:
    from roles import clashes

    box = Server(host="192.0.2.1", apps=(app(),))
    assert "rodeo-ai needs chroma: add `chroma=Chroma()` to this server" in list(clashes.within(box))
