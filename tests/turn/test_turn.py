"""coturn on a real box: it relays for who has a password of today, to the internet and nowhere else."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.turn.box import FAR, FAR6, NEAR, NEAR6, Turnbox

pytestmark = pytest.mark.target
WAYS = {"UDP": "", "TCP": "-t", "TLS": "-t -S"}


def relayed(said: str) -> int:
    """How many packets came back from the peer, by coturn's own client. Over TLS it misses a few that come together."""
    return int(re.findall(r"tot_recv_msgs=(\d+)", said)[-1]) if "tot_recv_msgs" in said else 0


def test_a_second_run_changes_nothing(turn: Turnbox) -> None:
    assert turn.changes() == []


@pytest.mark.parametrize("way", WAYS)
def test_a_packet_goes_through_a_relay_and_back(turn: Turnbox, way: str) -> None:
    assert relayed(turn.call(WAYS[way], turn.credentials())) >= (5 if way == "TLS" else 10)


def test_every_app_has_a_secret_of_its_own(turn: Turnbox) -> None:
    assert turn.secret("pair-cam") != turn.secret("other")
    assert relayed(turn.call("", turn.credentials("other"))) == 10


def test_a_peer_with_an_address_of_ipv6_is_reached(turn: Turnbox) -> None:
    assert relayed(turn.call("-x", turn.credentials(), FAR6)) == 10


@pytest.mark.parametrize("way", WAYS)
def test_a_password_that_has_ended_is_refused(turn: Turnbox, way: str) -> None:
    said = turn.call(WAYS[way], turn.credentials(lasts=-5))
    assert "Cannot complete Allocation" in said
    assert relayed(said) == 0


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_password_is_refused(turn: Turnbox, way: str) -> None:
    name, _ = turn.credentials()
    said = turn.call(WAYS[way], (name, "d3Jvbmc="))
    assert "Cannot complete Allocation" in said
    assert relayed(said) == 0


def test_without_a_password_nothing_is_relayed(turn: Turnbox) -> None:
    code, said = turn.outside(f"turnutils_uclient -c -n 10 -e {FAR} {turn.address}")
    assert code != 0
    assert relayed(said) == 0


PRIVATE = [
    "127.0.0.1",
    "10.0.0.1",
    "172.17.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
]
PRIVATE6 = [
    *("::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "fd00:ec2::254", "fe80::1", "64:ff9b::a00:1"),
    *("2002:a00:1::1", "ff02::1", "::127.0.0.1"),
]


@pytest.mark.parametrize("peer", [*PRIVATE, NEAR])
def test_a_relay_leads_to_no_private_address_and_not_to_the_box(turn: Turnbox, peer: str) -> None:
    said = turn.call("", turn.credentials(), peer)
    assert "error 403 (Forbidden IP)" in said
    assert relayed(said) == 0


@pytest.mark.parametrize("peer", PRIVATE6)
def test_nor_does_one_of_ipv6_whatever_way_it_is_written(turn: Turnbox, peer: str) -> None:
    said = turn.call("-x", turn.credentials(), peer)
    assert "error 403 (Forbidden IP)" in said, said
    assert relayed(said) == 0


def test_two_who_both_need_a_relay_meet(turn: Turnbox) -> None:
    assert relayed(turn.call("-y", turn.credentials())) == 20


def test_nothing_else_of_the_box_is_reached_by_its_own_address(turn: Turnbox) -> None:
    turn.target.succeed(f"systemd-run -q --collect --unit=service turnutils_peer -L {turn.address} -p 3480")
    try:
        direct = turn.target.succeed(ECHO.format(address=turn.address))
        said = turn.call("", turn.credentials(), turn.address)
    finally:
        turn.target.execute("systemctl stop service")
    assert direct == "b'hello'"
    assert "tot_send_msgs=10" in said
    assert relayed(said) == 0


ECHO = (
    "python3 -c 'import socket; s = socket.socket(2, 2); s.settimeout(5);"
    ' s.sendto(b"hello", ("{address}", 3480)); print(s.recv(99))\''
)


def test_no_service_is_reached_by_tcp(turn: Turnbox) -> None:
    said = turn.call("-T", turn.credentials())
    assert "error 442 (TCP Transport is not allowed" in said, said
    assert relayed(said) == 0


def test_one_user_has_so_many_relays_and_no_more_whatever_the_password(turn: Turnbox) -> None:
    full = "error 486 (Allocation Quota Reached)"
    assert full in turn.call("-v -m 13", turn.credentials(user="bob"))  # the relays stay until their time is over
    assert full in turn.call("-v", turn.credentials(lasts=700, user="bob"))
    assert relayed(turn.call("", turn.credentials(user="carol"))) == 10


def test_it_listens_where_it_should_and_nowhere_else(turn: Turnbox) -> None:
    places = turn.target.succeed("ss -Hlntu | awk '{print $1, $5}' | grep -E ':(3478|3479|5349|5350|5766|8080|9641)$'")
    own = ("127.0.0.1", turn.address, f"[{NEAR6}]")
    ports = {"tcp": (3478, 5349), "udp": (3478,)}
    assert set(places.splitlines()) == {f"{kind} {ip}:{port}" for kind in ports for ip in own for port in ports[kind]}


def test_the_firewall_lets_in_what_it_needs(turn: Turnbox) -> None:
    rules = turn.target.succeed("nft list chain inet boxkeeper input")
    assert re.search(r"tcp dport \{ 80, 443, 3478, 5349 \} accept", rules)
    assert re.search(r"udp dport \{ 3478, 61000-61999 \} accept", rules)


def test_the_secret_is_read_by_coturn_alone_and_in_nobodys_arguments(turn: Turnbox) -> None:
    turn.target.succeed(f"runuser -u turnserver -- grep -q {turn.secret()} /etc/boxkeeper/turn/secrets.db")
    for user in ("nobody", "www-data"):
        for name in ("secrets.db", "turnserver.conf", "certificate.pem"):
            turn.target.fail(f"runuser -u {user} -- cat /etc/boxkeeper/turn/{name}")
    assert turn.secret() not in turn.target.succeed("ps axww -o args; journalctl -u coturn --no-pager")


def test_tls_is_of_today(turn: Turnbox) -> None:
    assert "New, TLSv1.2, Cipher is ECDHE-ECDSA-AES" in turn.handshake()  # coturn 4.6 knows no newer one
    for old in ("-tls1_1 -cipher ALL:@SECLEVEL=0", "-tls1_2 -cipher AES128-SHA"):
        assert "Cipher is (NONE)" in turn.handshake(options=old)


def test_strangers_are_told_little(turn: Turnbox) -> None:
    ask = "000100002112a442" + "07" * 12
    code = (
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5);"
        f"s.sendto(bytes.fromhex('{ask}'), ('{turn.address}', 3478)); print(s.recv(2000).hex())"
    )
    said = bytes.fromhex(turn.outside(f"python3 -c {shlex.quote(code)}")[1])
    assert said[:2] == b"\x01\x01"
    assert said[20:24] == b"\x00\x20\x00\x08"  # XOR-MAPPED-ADDRESS, and nothing after it
    assert len(said) == 32


def test_the_unit_is_fenced_in(turn: Turnbox) -> None:
    shown = turn.target.succeed("systemd-analyze security --no-pager coturn | tail -1")
    assert float(re.findall(r"[\d.]+(?= \w+ )", shown)[-1]) <= 1.1, shown


def renew(turn: Turnbox) -> str:
    """Have another certificate made for the site; the serial number that coturn serves until it is told."""
    before = turn.serial()
    turn.target.succeed("rm -r /etc/boxkeeper/tls/.self-signed/pair-cam.*")
    turn.target.succeed("python3 -I /usr/local/lib/boxkeeper certificates heal")
    assert turn.serial() == before
    return before


@pytest.mark.parametrize(
    "told", ["python3 -I /usr/local/lib/boxkeeper certificates reload", "systemctl start boxkeeper-certificates"]
)
def test_a_renewed_certificate_is_served_and_no_call_is_cut(turn: Turnbox, told: str) -> None:
    turn.goes_on("-t -S", packets=400)
    before, pid = renew(turn), turn.pid()
    turn.target.succeed(told)
    turn.target.wait_until(
        f"! openssl s_client -connect {turn.address}:5349 </dev/null 2>/dev/null"
        f" | openssl x509 -noout -serial | grep -q {before}",
        10,
    )
    site = turn.target.succeed("openssl x509 -noout -serial -in /etc/boxkeeper/tls/pair-cam/fullchain.pem")
    assert turn.serial() == site
    assert turn.pid() == pid
    assert relayed(turn.heard()) >= 300  # of 400: had the call been cut it would be the 100 to 200 before
    assert turn.changes() == []


def test_a_certificate_that_it_was_not_told_of_is_given_to_it_by_the_next_run(turn: Turnbox) -> None:
    before, pid = renew(turn), turn.pid()
    assert "turn: relay" in turn.changes()
    turn.converge()
    assert turn.serial() != before
    assert turn.pid() == pid
    assert turn.changes() == []


def test_what_drifts_is_put_right(turn: Turnbox) -> None:
    turn.target.succeed("sed -i '/denied-peer-ip/d' /etc/boxkeeper/turn/turnserver.conf; systemctl restart coturn")
    assert turn.changes() == ["turn: relay", "turn: units"]
    turn.converge()
    assert "error 403" in turn.call("", turn.credentials(), NEAR)
    turn.target.succeed("systemctl disable --now coturn; chmod 644 /etc/boxkeeper/turn/certificate.pem")
    turn.converge()
    assert relayed(turn.call("", turn.credentials())) == 10
    assert turn.changes() == []


def test_one_that_died_comes_back_by_itself(turn: Turnbox) -> None:
    before = turn.pid()
    turn.target.succeed(f"kill -9 {before}")
    turn.target.wait_until(
        f"test $(systemctl show -P MainPID coturn) -gt 1 && ss -Hlnu | grep -q {turn.address}:3478", 20
    )
    assert turn.pid() != before


def test_without_a_configuration_of_ours_it_does_not_run(turn: Turnbox) -> None:
    config = "/etc/boxkeeper/turn/turnserver.conf"
    turn.target.succeed(f"systemctl stop coturn; mv {config} {config}.away; systemctl start coturn")
    assert turn.target.execute("systemctl is-active coturn")[1] == "inactive"
    turn.target.succeed(f"mv {config}.away {config}; systemctl start coturn")


def test_a_new_secret_replaces_the_old_one_and_no_call_is_cut(turn: Turnbox) -> None:
    turn.converge()  # what a test before has done to its files would be a reason to start it anew
    old, pid = turn.credentials(), turn.pid()
    turn.goes_on("", packets=600)
    turn.store.generate("pair-cam/turn", replace=True)
    turn.converge()
    assert turn.target.execute("systemctl is-active call")[1] == "active", "else the rest would prove nothing"
    assert relayed(turn.call("", turn.credentials())) == 10
    assert "Cannot complete Allocation" in turn.call("", old)
    assert relayed(turn.call("", turn.credentials("other"))) == 10
    assert turn.pid() == pid
    assert relayed(turn.heard()) >= 450


@pytest.mark.parametrize(
    "harm", ["truncate --size=100 {}", "chmod 644 {}", "rm {}", "python3 -c 'import sqlite3; {sql}'"]
)
def test_secrets_that_are_lost_are_back_after_the_next_run(turn: Turnbox, harm: str) -> None:
    database = "/etc/boxkeeper/turn/secrets.db"
    sql = f'd = sqlite3.connect("{database}"); d.execute("DELETE FROM turn_secret"); d.commit()'
    turn.target.succeed(harm.format(database, sql=sql))
    assert turn.changes() == ["turn: relay"]
    turn.converge()
    assert relayed(turn.call("", turn.credentials())) == 10
    assert turn.target.succeed(f"stat -c '%a %U %G' {database}") == "640 root turnserver"
    assert turn.changes() == []


def test_behind_a_nat_clients_are_told_the_public_address(turn: Turnbox) -> None:
    public = {"turn": {"address": "1.2.9.9"}}
    turn.converge(**public)
    said = turn.call("-v", turn.credentials())
    assert re.search(r"relay addr[^\n]*: 1\.2\.9\.9:61\d\d\d", said), said
    assert relayed(said) == 10
    assert relayed(turn.call("-y", turn.credentials())) == 20
    assert turn.changes(**public) == []
    turn.converge()
