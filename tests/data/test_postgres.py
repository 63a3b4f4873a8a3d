"""PostgreSQL on a real box: each app owns its database and reaches nothing else; what drifts is put right."""

from __future__ import annotations

import re

import pytest

from roles.databases import Database, Databases, Login
from tests.data.box import APPS, Data

pytestmark = pytest.mark.target


def unit(data: Data) -> str:
    return data.target.succeed("ls /etc/postgresql | sed 's/.*/postgresql@&-main.service/'")


def pid(data: Data) -> str:
    return data.target.succeed(f"systemctl show -P MainPID {unit(data)}")


def test_a_second_run_changes_nothing(data: Data) -> None:
    assert data.changes() == []


@pytest.mark.parametrize("app", APPS)
def test_an_app_logs_in_and_owns_what_it_makes(data: Data, app: str) -> None:
    owner = app.replace("-", "_")
    made = "CREATE TABLE made (id int); INSERT INTO made VALUES (7);"
    asked = "SELECT current_user, session_user, tableowner FROM pg_tables WHERE tablename = 'made'; DROP TABLE made"
    assert data.psql(app, f"{made} {asked}") == (0, f"{owner}|{owner}_a|{owner}")


@pytest.mark.parametrize("database", ["pair_cam", "postgres", "template1"])
def test_a_login_reaches_no_other_database(data: Data, database: str) -> None:
    code, said = data.psql("note-taker", "SELECT 1", database=database)
    assert code != 0
    assert "no pg_hba.conf entry" in said


@pytest.mark.parametrize("database", ["pair_cam", "postgres", "template1"])
def test_not_even_past_the_list_of_who_may_connect(data: Data, database: str) -> None:
    assert data.superuser(f"SELECT has_database_privilege('note_taker_a', '{database}', 'CONNECT')") == "f"


def test_a_wrong_password_is_refused(data: Data) -> None:
    code, said = data.psql("note-taker", "SELECT 1", password="x" * 40)
    assert code != 0
    assert "password authentication failed" in said


@pytest.mark.parametrize(
    "forbidden",
    [
        "CREATE ROLE other",
        "CREATE DATABASE other",
        "ALTER ROLE note_taker_a SUPERUSER",
        "SET ROLE pair_cam",
        "SET SESSION AUTHORIZATION postgres",
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "COPY (SELECT 1) TO '/tmp/x'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT rolpassword FROM pg_authid",
        "ALTER SYSTEM SET listen_addresses = '*'",
        "SELECT lo_import('/etc/passwd')",
        "CREATE EXTENSION file_fdw",
    ],
)
def test_a_login_is_no_superuser(data: Data, forbidden: str) -> None:
    code, said = data.psql("note-taker", forbidden)
    assert code != 0, said
    assert re.search("permission denied|must be|no privileges|not allowed|Only roles with", said, re.IGNORECASE)


def test_the_owner_can_not_log_in(data: Data) -> None:
    assert data.superuser("SELECT rolcanlogin, rolpassword FROM pg_authid WHERE rolname = 'note_taker'") == "f|"


def test_it_listens_on_loopback_only(data: Data) -> None:
    listening = data.target.succeed("ss -Htln 'sport = :5432' | awk '{print $4}'").split()
    assert listening
    assert set(listening) <= {"127.0.0.1:5432", "[::1]:5432"}
    address = data.target.succeed("hostname -I").split()[0]
    assert "refused" in data.psql("note-taker", "SELECT 1", host=address)[1]


def test_pages_carry_checksums_and_text_is_utf_8(data: Data) -> None:
    assert data.superuser("SHOW data_checksums") == "on"
    query = "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE datname = 'note_taker'"
    assert data.superuser(query) == "UTF8|C.UTF-8"


def test_it_runs_with_the_settings_of_its_file_and_of_no_other(data: Data) -> None:
    lines = data.target.succeed("cat /etc/postgresql/*/main/conf.d/99-boxkeeper.conf").splitlines()
    wanted = {line.partition(" = ")[0] for line in lines if not line.startswith("#")}
    ours = "sourcefile LIKE '%/99-boxkeeper.conf'"
    live = set(data.superuser(f"SELECT name FROM pg_settings WHERE {ours} AND NOT pending_restart").splitlines())
    assert wanted - live == {"boxkeeper.digest"}  # PostgreSQL shows settings of its own only
    assert data.superuser(f"SELECT name FROM pg_file_settings WHERE {ours} AND NOT applied") == ""


def test_the_unit_is_fenced_in_and_still_serves_and_reloads(data: Data) -> None:
    shown = data.target.succeed(f"systemd-analyze security --no-pager {unit(data)} | tail -1")
    assert float(re.findall(r"[\d.]+(?= \w+ )", shown)[-1]) <= 2.7, shown
    data.target.succeed(f"systemctl reload {unit(data)}")
    assert data.psql("note-taker", "SELECT 1") == (0, "1")


def test_a_setting_that_can_be_reloaded_restarts_nothing(data: Data) -> None:
    before = pid(data)
    data.converge(postgres={"slow_ms": 250})
    assert data.superuser("SHOW log_min_duration_statement") == "250ms"
    assert pid(data) == before
    data.converge()


def test_a_setting_that_can_not_is_followed_by_one_restart(data: Data) -> None:
    before, size = pid(data), data.superuser("SHOW shared_buffers")
    data.converge(postgres={"share": 20})
    assert pid(data) != before
    assert data.superuser("SHOW shared_buffers") != size
    assert data.changes(postgres={"share": 20}) == []
    data.converge()
    assert data.superuser("SHOW shared_buffers") == size


def test_a_run_cut_off_between_writing_and_restarting_is_healed_by_the_next(data: Data) -> None:
    size = data.superuser("SHOW shared_buffers")
    data.target.succeed("cp -a /etc/postgresql/*/main/conf.d/99-boxkeeper.conf /var/tmp/wanted.conf")
    data.converge(postgres={"share": 20})
    data.target.succeed("cp -a /var/tmp/wanted.conf /etc/postgresql/*/main/conf.d/99-boxkeeper.conf")
    assert [name for name in data.changes() if "postgres" in name] == ["postgres: cluster"]
    data.converge()
    assert data.superuser("SHOW shared_buffers") == size


DRIFT = {
    "ALTER ROLE note_taker_a SUPERUSER": "role note_taker_a: rights",
    "GRANT pair_cam TO note_taker_a": "role note_taker_a: rights",
    "REVOKE note_taker FROM note_taker_a": "role note_taker_a: rights",
    "ALTER ROLE note_taker_a PASSWORD 'changed by somebody'": "role note_taker_a: password",
    "ALTER ROLE note_taker_a PASSWORD NULL": "role note_taker_a: password",
    "ALTER ROLE note_taker_a CONNECTION LIMIT -1": "role note_taker_a: connections",
    "ALTER ROLE note_taker_a RESET ALL": "role note_taker_a: settings",
    "ALTER ROLE note_taker LOGIN": "role note_taker: may do more than own a database",
    "GRANT pg_read_all_data TO note_taker": "role note_taker: may do more than own a database",
    "ALTER DATABASE note_taker OWNER TO postgres": "database note_taker: belongs to postgres",
    "GRANT CONNECT ON DATABASE note_taker TO PUBLIC": "database note_taker: open to PUBLIC",
    "GRANT CONNECT ON DATABASE note_taker TO pair_cam": "database note_taker: open to pair_cam",
    "GRANT CONNECT ON DATABASE postgres TO PUBLIC": "database postgres: anybody may connect",
}


@pytest.mark.parametrize("change", DRIFT)
def test_what_drifts_is_seen(data: Data, change: str) -> None:
    found = data.found(f"BEGIN; {change};")
    passwords = {app.replace("-", "_"): data.store.values()[f"{app}/postgres"] for app in APPS}
    wanted = Databases([Database(name, [Login(f"{name}_a", word)]) for name, word in passwords.items()])
    assert wanted.differences(data.found()) == []
    assert wanted.differences(found) == [DRIFT[change]]


def test_what_drifts_is_put_right(data: Data) -> None:
    data.superuser("; ".join(DRIFT))
    data.superuser("ALTER SYSTEM SET listen_addresses = '*'")
    assert {"postgres: cluster", "postgres: databases"} <= set(data.changes())
    data.converge()
    assert data.changes() == []
    assert data.psql("note-taker", "SELECT current_user") == (0, "note_taker")
    assert data.superuser("SELECT pg_reload_conf()") == "t"
    assert data.superuser("SELECT setting, pending_restart FROM pg_settings WHERE name = 'listen_addresses'") == (
        "localhost|f"
    )


def test_the_list_of_who_may_connect_is_put_back(data: Data) -> None:
    data.target.succeed("sed -i '$ a host all all 0.0.0.0/0 trust' /etc/postgresql/*/main/pg_hba.conf")
    data.target.succeed(f"systemctl reload {unit(data)}")
    data.converge()
    assert "0.0.0.0" not in data.superuser("SELECT address FROM pg_hba_file_rules")
    assert data.changes() == []


def test_a_database_that_is_gone_is_made_again(data: Data) -> None:
    data.superuser("DROP DATABASE pair_cam")
    data.converge()
    assert data.psql("pair-cam", "SELECT 1") == (0, "1")
    assert data.changes() == []


def test_a_stopped_server_is_started(data: Data) -> None:
    data.target.succeed("systemctl stop postgresql")
    assert "postgres: cluster" in data.changes()
    data.converge()
    assert data.psql("note-taker", "SELECT 1") == (0, "1")
    assert data.changes() == []


def test_a_server_that_died_comes_back_by_itself(data: Data) -> None:
    before = pid(data)
    data.target.succeed(f"kill -9 {before}")
    data.target.wait_until(f"test $(systemctl show -P MainPID {unit(data)}) -gt 1 && pg_isready -q", 30)
    assert pid(data) != before


def test_a_new_password_replaces_the_old_one(data: Data) -> None:
    old = data.password("note-taker", "postgres")
    data.store.generate("note-taker/postgres", replace=True)
    assert [name for name in data.changes() if "postgres" in name] == ["postgres: databases"]
    data.converge()
    assert data.psql("note-taker", "SELECT 1") == (0, "1")
    assert data.psql("note-taker", "SELECT 1", password=old)[0] != 0
    assert data.changes() == []


def test_no_password_is_in_a_log_of_the_box_or_of_a_run(data: Data) -> None:
    data.store.generate("note-taker/postgres", replace=True)
    said = data.run("-y", "-vvv", "--diff", "--debug").output
    secrets = [kept.value for kept in data.store.entries().values()]
    logs = data.target.succeed("cat /var/log/postgresql/*.log; journalctl --no-pager --quiet")
    assert "SELECT" in said or "postgres: databases" in said
    assert [value for value in secrets if value in said or value in logs] == []
    assert "SCRAM-SHA-256$" not in logs + said


def test_a_server_with_a_full_disk_is_not_stopped(data: Data) -> None:
    free = "print(shutil.disk_usage('/var/lib/postgresql'))"
    assert "free" in data.target.succeed(f'python3 -c "import shutil; {free}"')
    line = (
        "import sys, shutil, collections; sys.path.insert(0, '/usr/local/lib/boxkeeper');"
        "from onbox import postgres; usage = collections.namedtuple('usage', 'total used free');"
        "shutil.disk_usage = lambda path: usage(10 << 30, 10 << 30, 100 << 20);"
        "postgres._restart(postgres.clusters()[0])"
    )
    before = pid(data)
    assert "has 100 MB free and needs 1024 MB" in data.target.fail(f'python3 -c "{line}" 2>&1')
    assert pid(data) == before
