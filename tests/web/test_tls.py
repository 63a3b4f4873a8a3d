"""Certificates from a real CA: how a box comes by them, keeps them, and what it says while something is in the way."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from target.load import unverified
from tests.web.box import HERE, Web

pytestmark = pytest.mark.target
NAMES = ("notes.example.test", "www.notes.example.test")
UNROUTED = "192.0.2.66"


@pytest.fixture(scope="module")
def quiet(web: Web) -> Iterator[Web]:
    """The box with a timer that waits, and addresses that lead nowhere at once."""
    web.target.succeed(f"ip route replace unreachable {UNROUTED}; ip -6 route replace unreachable fd99::/16")
    with web.timer("1d", "1d"):
        yield web
        web.forget()


@pytest.fixture
def fresh(quiet: Web) -> Iterator[Web]:
    """The box before it has asked for anything, and a CA and a DNS that know nothing of it."""
    quiet.forget()
    yield quiet
    if quiet.target.execute("grep -q 14443 /etc/boxkeeper/certificates.json")[0] == 0:
        quiet.target.succeed("sed -i s/14443/14000/ /etc/boxkeeper/certificates.json")
        quiet.converge("-y")


@pytest.fixture
def issued(fresh: Web) -> Web:
    """A box that has the CA's certificate for `notes`."""
    lead_here(fresh)
    record = fresh.certify()
    assert record["state"] == "issued", record
    return fresh


def lead_here(web: Web) -> None:
    for name in NAMES:
        web.acme.point(name, a=["127.0.0.1"])


def test_without_dns_a_site_is_served_with_a_certificate_of_its_own_and_says_why(fresh: Web) -> None:
    record = fresh.certify()
    assert (record["state"], record["reason"]) == ("pending", "notes.example.test has no address in DNS yet")
    assert fresh.ask("/").status_code == 200
    assert fresh.acme.orders() == 0


def test_a_domain_that_leads_elsewhere_costs_no_order(fresh: Web) -> None:
    lead_here(fresh)
    fresh.acme.point(NAMES[1], a=[UNROUTED])
    record = fresh.certify()
    assert record["state"] == "pending"
    assert record["reason"].startswith(f"{NAMES[1]} leads to {UNROUTED} (A record), where nothing answers on port 80")
    assert fresh.acme.orders() == 0


def test_one_stale_aaaa_record_is_enough_to_wait(fresh: Web) -> None:
    lead_here(fresh)
    fresh.acme.point(NAMES[0], a=["127.0.0.1"], aaaa=["fd99::1"])
    assert f"{NAMES[0]} leads to fd99::1 (AAAA record)" in fresh.certify()["reason"]
    assert fresh.acme.orders() == 0
    fresh.acme.point(NAMES[0], a=["127.0.0.1"], aaaa=["::1"])
    assert fresh.certify()["state"] == "issued"


def test_a_broken_name_server_is_named(fresh: Web) -> None:
    fresh.acme.break_name(NAMES[0])
    assert fresh.certify()["reason"] == f"{NAMES[0]}: name server 127.0.0.1: SERVFAIL"
    assert fresh.acme.orders() == 0
    fresh.acme.mend_name(NAMES[0])


def test_the_hosts_file_does_not_stand_in_for_dns(fresh: Web) -> None:
    fresh.target.succeed(f"echo 127.0.0.1 {' '.join(NAMES)} >>/etc/hosts")
    assert "no address in DNS" in fresh.certify()["reason"]
    fresh.target.succeed("sed -i /notes.example.test/d /etc/hosts")


def test_once_a_domain_is_corrected_the_timer_takes_it_over_by_itself(fresh: Web) -> None:
    started = fresh.target.succeed("systemctl show -P ActiveEnterTimestampMonotonic nginx")
    fresh.acme.point(NAMES[0], a=[UNROUTED])
    with fresh.timer("1s", "2s"):
        fresh.target.wait_until(f"grep -q {UNROUTED} /var/lib/boxkeeper/certificates.json", 15)
        lead_here(fresh)
        fresh.target.wait_until('grep -q \'"state": "issued"\' /var/lib/boxkeeper/certificates.json', 30)
    by_ca = fresh.trust(fresh.acme.root())
    assert fresh.ask("/", trust=by_ca).status_code == 200
    assert fresh.ask("/", host=NAMES[1], trust=by_ca).status_code == 308
    assert fresh.record("other")["state"] == "pending"
    assert fresh.target.succeed("systemctl show -P ActiveEnterTimestampMonotonic nginx") == started


def test_ten_more_runs_ask_for_nothing(issued: Web) -> None:
    orders = issued.acme.orders()
    for _ in range(10):
        assert issued.certify()["state"] == "issued"
    assert issued.acme.orders() == orders == 1


def test_a_converge_after_the_takeover_changes_nothing(issued: Web) -> None:
    assert issued.changes() == []


def test_a_renewed_certificate_is_served_without_a_restart(fresh: Web) -> None:
    fresh.acme.restart(validity=120)
    lead_here(fresh)
    assert fresh.certify()["state"] == "issued"
    first, started = fresh.serial(), fresh.target.succeed("systemctl show -P ActiveEnterTimestampMonotonic nginx")
    deadline = time.monotonic() + 150
    while fresh.serial() == first:
        assert time.monotonic() < deadline, fresh.record()
        time.sleep(3)
        fresh.certify()
    assert fresh.serial() == fresh.target.succeed(
        f"openssl x509 -noout -serial -in /etc/letsencrypt/live/{NAMES[0]}/cert.pem"
    )
    assert fresh.target.succeed("systemctl show -P ActiveEnterTimestampMonotonic nginx") == started


def test_a_certificate_that_has_expired_is_replaced_by_the_next_run_and_the_site_is_up_all_along(fresh: Web) -> None:
    fresh.acme.restart(validity=40)
    lead_here(fresh)
    assert fresh.certify()["state"] == "issued"
    by_ca, expired = fresh.trust(fresh.acme.root()), fresh.serial()
    fresh.target.wait_until(f"! openssl x509 -noout -checkend 0 -in /etc/letsencrypt/live/{NAMES[0]}/cert.pem", 60)
    with pytest.raises(httpx.ConnectError, match="certificate has expired"):
        fresh.ask("/", trust=by_ca)
    assert fresh.ask("/", trust=unverified()).status_code == 200
    fresh.converge("-y")
    assert fresh.certify()["reason"] == ""
    assert fresh.ask("/", trust=by_ca).status_code == 200
    assert fresh.serial() != expired


def test_a_certificate_that_nginx_was_not_told_of_is_noticed(issued: Web) -> None:
    old = issued.serial()
    renew = f"renew --force-renewal --no-random-sleep-on-renew --no-directory-hooks --cert-name {NAMES[0]}"
    issued.target.succeed(f"sed -i /renew_hook/d /etc/letsencrypt/renewal/{NAMES[0]}.conf")
    issued.target.succeed(f"REQUESTS_CA_BUNDLE=/etc/pebble/ca.pem /opt/boxkeeper/certbot/bin/certbot -n {renew}")
    assert issued.serial() == old
    assert issued.certify()["reason"] == ""
    assert issued.serial() != old


def test_lost_links_are_mended_before_nginx_starts_and_cost_no_order(issued: Web) -> None:
    issued.target.succeed(f"rm -r /etc/letsencrypt/live/{NAMES[0]}; systemctl restart nginx")
    assert issued.ask("/", trust=issued.trust(issued.acme.root())).status_code == 200
    assert issued.certify()["state"] == "issued"
    assert issued.acme.orders() == 1


def test_a_lost_certificate_is_replaced_within_the_run_and_asked_for_anew(issued: Web) -> None:
    issued.target.succeed("rm -r /etc/letsencrypt/live /etc/letsencrypt/archive")
    assert issued.changes() == ["tls: certificates", "nginx: sites"]
    issued.converge("-y")
    assert issued.ask("/").status_code == 200
    assert issued.ask("/", host="other.example.test").status_code == 404
    assert issued.certify()["state"] == "issued"
    assert issued.target.succeed("ls /etc/letsencrypt/live").split() == ["README", NAMES[0]]


def test_a_new_alias_brings_a_new_certificate_and_the_old_one_serves_until_then(issued: Web) -> None:
    apps = {"notes": [*NAMES, "new.example.test"]}
    issued.converge("-y", apps=apps)
    by_ca = issued.trust(issued.acme.root())
    assert issued.certify()["reason"] == "new.example.test has no address in DNS yet"
    assert issued.ask("/", trust=by_ca).status_code == 200
    issued.acme.point("new.example.test", a=["127.0.0.1"])
    assert issued.certify()["reason"] == ""
    assert issued.ask("/", host="new.example.test", trust=by_ca).status_code == 308
    issued.converge("-y")


def test_a_lineage_made_standalone_is_renewed_by_webroot(issued: Web) -> None:
    conf = f"/etc/letsencrypt/renewal/{NAMES[0]}.conf"
    rehearse = (
        "certbot renew --non-interactive --dry-run --no-random-sleep-on-renew --server https://127.0.0.1:14000/dir"
    )
    rehearse = f"REQUESTS_CA_BUNDLE=/etc/pebble/ca.pem /opt/boxkeeper/certbot/bin/{rehearse}"
    issued.target.succeed(f"sed -i -e s/webroot$/standalone/ -e /webroot_path/d -e '/webroot_map/,$d' {conf}")
    issued.target.fail(rehearse)
    assert issued.certify()["reason"] == ""
    issued.target.succeed(rehearse)


def test_a_ca_that_says_later_is_not_asked_until_then(fresh: Web) -> None:
    with_ca(fresh, "429 rateLimited 7200")
    before = time.time()
    assert "the CA said:" in fresh.certify()["reason"]
    for _ in range(3):
        reason = fresh.certify()["reason"]
    asks = time.mktime(time.strptime(reason.removeprefix("the CA asks to wait until "), "%Y-%m-%dT%H:%M:%SZ"))
    assert 7100 < asks - time.timezone - before < 7300, reason
    assert refused_orders(fresh) == 1


def test_the_fourth_failure_within_an_hour_does_not_happen(fresh: Web) -> None:
    with_ca(fresh, "400 malformed 0")
    for _ in range(3):
        assert "no more for you" in fresh.certify()["reason"]
    for _ in range(3):
        assert fresh.certify()["reason"].startswith("3 attempts failed within an hour; the next is made at ")
    assert refused_orders(fresh) == 3


def with_ca(web: Web, arguments: str) -> None:
    """Have the box ask a CA that refuses."""
    lead_here(web)
    web.put("/usr/local/lib/limited_ca.py", (HERE / "limited_ca.py").read_bytes())
    web.target.succeed("systemctl stop limited-ca 2>/dev/null; systemctl reset-failed limited-ca 2>/dev/null; true")
    web.target.succeed(f"systemd-run -q --unit=limited-ca python3 /usr/local/lib/limited_ca.py {arguments}")
    web.target.succeed("sed -i s/14000/14443/ /etc/boxkeeper/certificates.json")
    web.target.wait_until("ss -ltn | grep -q :14443")


def refused_orders(web: Web) -> int:
    """How many orders it got."""
    since = "_SYSTEMD_INVOCATION_ID=$(systemctl show -P InvocationID limited-ca)"
    return int(web.target.succeed(f"journalctl --sync; journalctl -u limited-ca -o cat {since} | grep -c 'an order'"))


def test_a_ca_that_is_down_is_named_and_costs_no_attempt(fresh: Web) -> None:
    lead_here(fresh)
    fresh.target.succeed("systemctl stop pebble")
    for _ in range(4):
        assert "https://127.0.0.1:14000/dir: " in fresh.certify()["reason"]
    fresh.target.succeed("systemctl start pebble")
    fresh.target.wait_until("ss -ltn | grep -q :14000")
    assert fresh.certify()["state"] == "issued"


def test_self_signed_for_good_asks_nobody(fresh: Web) -> None:
    lead_here(fresh)
    fresh.converge("-y", tls={"certificates": "self-signed"})
    assert fresh.certify()["state"] == "self-signed"
    assert "strict-transport-security" not in fresh.ask("/").headers
    assert fresh.acme.orders() == 0
    assert fresh.changes(tls={"certificates": "self-signed"}) == []
    fresh.converge("-y")


def test_keys_are_for_root_only(issued: Web) -> None:
    assert issued.target.succeed("stat -c %a%U /etc/boxkeeper/tls") == "700root"
    readable = issued.target.succeed("find -L /etc/boxkeeper/tls /etc/letsencrypt -name 'privkey*' -perm /077 || true")
    assert readable == ""


def test_nothing_is_left_in_the_webroot(issued: Web) -> None:
    """But what a renewal of this moment tries its own door with."""
    issued.target.wait_until('test -z "$(find /var/www/boxkeeper -type f)"', 30)
