"""TURN, as far as no box is needed: its settings, the addresses it works with, and where no relay leads."""

from __future__ import annotations

import hashlib
import ipaddress
from typing import Any

import pytest
from pydantic import SecretStr

from roles.apps import App, Folder, Frontend, Route
from roles.budget import Size
from roles.firewall import Firewall
from roles.nginx import Nginx
from roles.rotation import supplied
from roles.server import Server
from roles.tls import Tls
from roles.turn import Relay, Turn, denied, opens, variables, wanted


class Calls(App):
    title = "Calls"
    needs = frozenset({"turn"})
    frontend = Frontend(build=None)
    routes = (Route("/", to="static"),)


def calls(name: str = "pair-cam", **more: Any) -> App:
    return Calls(name=name, domain=f"{name}.example.com", source=Folder(path="."), **more)


def server(*apps: App, host: str = "192.0.2.1", turn: Turn | None = None) -> Server:
    apps = apps or (calls(),)
    common = {"firewall": Firewall(), "nginx": Nginx(), "tls": Tls()}
    made = Server(host=host, turn=turn or Turn(), apps=apps, **common)
    made._kept.update({secret.name: supplied(f"{secret.name:x>40}") for secret in made.wanted_secrets()})
    return made


def found(*addresses: str, outgoing: str = "", outgoing6: str = "") -> dict[str, Any]:
    network = {"addresses": list(addresses), "outgoing": {"4": outgoing, "6": outgoing6}}
    return {**network, "certificate": "", "accepted": None, "files": {}}


def relay(host: str = "192.0.2.1", **turn: Any) -> Relay:
    return Relay(Turn(**turn), host, site="cam", realm="cam.example.com", secrets=[SecretStr("s" * 40)])


def lines(one: Relay, box: dict[str, Any]) -> list[str]:
    return one.config(box).decode().splitlines()


PUBLIC = found("8.8.4.4/24", "10.1.0.5/16", outgoing="8.8.4.4")
CLOUD = found("10.0.0.5/24", outgoing="10.0.0.5")


def test_a_public_box_needs_no_telling() -> None:
    said = lines(relay("8.8.4.4"), PUBLIC)
    assert [line for line in said if line.startswith(("listening-ip", "relay-ip", "external-ip"))] == [
        "listening-ip=127.0.0.1",
        "listening-ip=8.8.4.4",
        "relay-ip=8.8.4.4",
    ]


def test_behind_a_nat_the_address_that_we_reach_it_by_is_its_public_one() -> None:
    assert "external-ip=8.8.4.4/10.0.0.5" in lines(relay("8.8.4.4"), CLOUD)
    assert "external-ip=9.9.9.9/10.0.0.5" in lines(relay("8.8.4.4", address="9.9.9.9"), CLOUD)
    assert relay("8.8.4.4").refuse(CLOUD) == []


def test_where_that_is_a_name_the_box_is_refused_with_the_line_to_type() -> None:
    assert relay("box.example.com").refuse(PUBLIC) == []
    assert relay("box.example.com", address="9.9.9.9").refuse(CLOUD) == []
    assert relay("box.example.com").refuse(CLOUD) == [
        'turn: this box itself has the private address 10.0.0.5: write `turn=Turn(address="...")` with the public one'
        " that leads here"
    ]


def test_a_box_in_a_private_network_serves_that_network() -> None:
    said = lines(relay("10.0.0.5"), CLOUD)
    assert "relay-ip=10.0.0.5" in said
    assert not [line for line in said if line.startswith("external-ip")]


def test_an_address_that_the_box_has_itself_is_the_one_that_it_works_with() -> None:
    said = lines(relay("8.8.4.4", address="8.8.4.9"), found("8.8.4.4/24", "8.8.4.9/24", outgoing="8.8.4.4"))
    assert "relay-ip=8.8.4.9" in said
    assert not [line for line in said if line.startswith("external-ip")]


def test_an_address_of_ipv6_that_passes_is_not_relied_on() -> None:
    said = lines(relay(), found("8.8.4.4/24", "2000:1::7/64", outgoing="8.8.4.4", outgoing6="2000:1::dead"))
    assert "relay-ip=2000:1::7" in said


def holds(ranges: list[str], address: str) -> bool:
    """Whether coturn finds an address in one of these ranges: as its code reads them, by which :: has no beginning."""
    one = ipaddress.ip_address(address)
    for text in ranges:
        first, last = map(ipaddress.ip_address, text.split("-"))
        begins = int(first) == 0 or (first.version < one.version or (first.version == one.version and first <= one))  # type: ignore[operator]
        ends = one.version < last.version or (one.version == last.version and one <= last)  # type: ignore[operator]
        if begins and ends:
            return True
    return False


@pytest.mark.parametrize(
    "address",
    "0.0.0.1 10.9.8.7 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.168.1.1 224.0.0.1 "
    "255.255.255.255 ::1 ::ffff:10.0.0.1 ::10.0.0.1 64:ff9b::a00:1 fc00::1 fd00:ec2::254 fe80::1 ff02::1 2002:a00:1::1 "
    "2001::1 8.8.4.4 2000:1::7 2000:1::beef".split(),
)
def test_no_relay_leads_to_what_is_not_the_internet_or_to_this_box(address: str) -> None:
    assert holds(denied(found("8.8.4.4/24", "2000:1::7/64")), address)


@pytest.mark.parametrize("address", ["1.2.3.4", "8.8.4.5", "172.32.0.1", "223.255.255.255", "2000:2::1", "2a01:4f8::1"])
def test_a_relay_leads_to_the_internet(address: str) -> None:
    assert not holds(denied(found("8.8.4.4/24", "2000:1::7/64")), address)


def test_who_may_use_it_is_who_an_app_says() -> None:
    made = server(calls("pair-cam"), calls("other"))
    (one,) = [resource for resource in wanted(made) if isinstance(resource, Relay)]
    said = lines(one, PUBLIC)
    assert "use-auth-secret" in said
    assert "userdb=/etc/boxkeeper/turn/secrets.db" in said
    assert not {"no-auth", "lt-cred-mech"} & set(said)
    values = [made.secret(name).get_secret_value() for name in ("pair-cam/turn", "other/turn")]
    assert not [value for value in values if value in "".join(said)]
    there = {**PUBLIC, "files": {"paths": [None] * 3, "leftovers": []}}
    assert one.payload(there)["secrets"] == [["pair-cam.example.com", value] for value in values]
    missing = "/etc/boxkeeper/turn/secrets.db: has not the secrets of the apps"
    assert missing in one.differences(there)
    accepted = sorted(["pair-cam.example.com", hashlib.sha256(value.encode()).hexdigest()] for value in values)
    assert missing not in one.differences({**there, "accepted": accepted})
    (file,) = [entry for entry in one._files(PUBLIC).paths if entry.path.endswith(".conf")]
    assert (file.mode, file.group) == ("0640", "turnserver")  # type: ignore[union-attr]


def test_the_app_is_told_where_it_is_and_what_makes_passwords() -> None:
    made = server(calls("pair-cam"), calls("other"))
    assert variables(made, made.apps[1]) == {
        "TURN_URLS": "turn:pair-cam.example.com:3478?transport=udp,turn:pair-cam.example.com:3478?transport=tcp,"
        "turns:pair-cam.example.com:5349?transport=tcp",
        "TURN_SHARED_SECRET": made.secret("other/turn").get_secret_value(),
        "TURN_REALM": "pair-cam.example.com",
    }


def test_its_own_name_is_one_of_a_sites() -> None:
    app = calls(aliases=("turn.example.com",))
    assert list(Turn(domain="Turn.example.com").clashes([app])) == []
    assert variables(server(app, turn=Turn(domain="turn.example.com")), app)["TURN_REALM"] == "turn.example.com"
    (said,) = Turn(domain="turn.example.org").clashes([app])
    assert said == "Turn.domain: no site's certificate is for turn.example.org: add it to the `aliases` of pair-cam"


def test_its_relays_count_in_the_budget() -> None:
    (few,), (many,) = (list(Turn(sessions=number).costs([], Size(1000, 1000))) for number in (100, 1000))
    assert few.ram_mb < many.ram_mb < 100


def test_without_somebody_who_needs_it_it_is_left_out() -> None:
    (said,) = Turn().clashes([])
    assert said == "turn: no app here needs it; leave it out"


def test_without_a_firewall_or_the_role_the_line_to_type_is_told() -> None:
    from roles.clashes import within

    bare = Server(host="192.0.2.1", nginx=Nginx(), tls=Tls(), apps=(calls(),))
    assert "pair-cam needs turn: add `turn=Turn()` to this server" in list(within(bare))
    open_ = Server(host="192.0.2.1", nginx=Nginx(), tls=Tls(), turn=Turn(), apps=(calls(),))
    assert any("add `firewall=Firewall()` to it" in fault for fault in within(open_))


def test_the_firewall_opens_its_ports_and_keeps_relays_off_the_box() -> None:
    from roles.firewall import Rules
    from roles.firewall import wanted as rules_of

    made = server(turn=Turn(ports="62000-62500"))
    assert opens(made) == ["udp/3478", "tcp/3478", "tcp/5349", "udp/62000-62500"]
    (rules,) = [resource for resource in rules_of(made) if isinstance(resource, Rules)]
    (file,) = rules.entries({"ports": [22]})
    text = file.content.decode()
    assert "tcp dport { 80, 443, 3478, 5349 } accept" in text
    assert "udp dport { 3478, 62000-62500 } accept" in text
    assert 'oifname "lo" udp sport 62000-62500 udp dport != 62000-62500 reject' in text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"ports": "61000"},
            "Turn.ports: '61000' is no range of ports from 1024 to 65535; write it like `61000-61999`",
        ),
        ({"ports": "61999-61000"}, "Turn.ports: '61999-61000' is no range"),
        ({"ports": "3000-6000"}, "Turn.ports: 3000-6000 holds 3478 or 5349"),
        ({"ports": "61000-61009"}, "Turn.ports: 61000-61009 are 10 ports, each relay takes one; give it 16 or more"),
        ({"ports": "61000-61099"}, "Turn: 500 relays need as many ports, and 61000-61099 are fewer; widen `ports`"),
        ({"address": "box"}, "Turn.address: 'box' is no IPv4 address; write it like `203.0.113.10`"),
        ({"domain": "https://x"}, "Turn.domain: 'https://x' is no domain"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], said: str) -> None:
    (fault,) = Turn(**given).faults
    assert fault.startswith(said)


def test_sshd_can_not_have_its_port() -> None:
    from roles.clashes import within
    from roles.server import Login

    made = Server(host="192.0.2.1", login=Login(port=3478), firewall=Firewall(), turn=Turn())
    assert "Login.port: 3478 is turn's; let sshd listen on another port, e.g. 22" in list(within(made))
