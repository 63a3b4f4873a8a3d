"""Backups on a real box, and on a second one that keeps them: made, restored, tried, damaged, and out of reach."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from target.box import Target
from target.kept.box import KEPT, Box

pytestmark = pytest.mark.target

ROWS = 1000
PGBACKREST = "pgbackrest --stanza=main"
NOTE = "/srv/note-taker/shared/uploads/note.txt"


@pytest.fixture(scope="module")
def backed_up(box: Box) -> dict[str, Any]:
    """A database with rows, a file, and a backup of both; what `backup list` then says."""
    box.sql(f"CREATE TABLE notes AS SELECT n AS id, 'canary-' || n AS text FROM generate_series(1, {ROWS}) n")
    box.sql("ALTER TABLE notes OWNER TO note_taker; CREATE TABLE drafts (id int); INSERT INTO drafts VALUES (1), (2)")
    box.target.succeed(f"mkdir -p /srv/note-taker/shared/uploads; echo 'canary of a file' >{NOTE}; chmod 640 {NOTE}")
    made = box.command("backup", "now", "ENV")
    assert made.returncode == 0, made
    assert b"and read back: here, " in made.stdout
    [found] = json.loads(box.command("backup", "list", "ENV", "--json").stdout)
    assert isinstance(found, dict)
    return found


def test_a_second_run_changes_nothing(box: Box) -> None:
    assert box.changes() == []


def test_a_box_that_was_not_told_of_backups_yet_says_so(box: Box) -> None:
    unit, away = "/etc/systemd/system/boxkeeper-backup@.service", "/root/away.service"
    box.target.succeed(f"mv {unit} {away}; systemctl daemon-reload")
    try:
        done = box.command("backup", "now", "ENV")
    finally:
        box.target.succeed(f"mv {away} {unit}; systemctl daemon-reload")
    assert done.returncode == 1
    assert re.fullmatch(rb"--> \S+: has no backups yet: `boxkeeper up \S+`\n", done.stderr), done


def test_a_backup_is_here_and_away_with_databases_and_files(box: Box, place: Target, backed_up: Any) -> None:
    assert [each["name"] for each in backed_up["repositories"]] == ["here", place.address]
    for each in backed_up["repositories"]:
        assert (each["fault"], [one["type"] for one in each["postgres"]], len(each["files"])) == ("", ["full"], 1)
        (files,) = each["files"]
        assert {"/etc/boxkeeper", "/srv/note-taker/shared", "/var/lib/boxkeeper/backups/copies"} <= set(files["paths"])
    copies = box.target.succeed("cd /var/lib/boxkeeper/backups/copies; find . -name 'chroma.sqlite3' -o -name '*.rdb'")
    assert "boxkeeper-chroma/note-taker" in copies
    shown = box.command("backup", "list", "ENV").stdout.decode()
    assert "PostgreSQL, whole" in shown


def test_nothing_of_it_is_in_clear_and_its_keys_are_for_root_alone(box: Box, place: Target, backed_up: Any) -> None:
    for target, folder in ((box.target, "/var/backups/boxkeeper"), (place, KEPT)):
        assert target.succeed(f"du -s {folder} | cut -f 1").strip() != "0"
        assert target.execute(f"grep -rl canary {folder}")[1] == ""
    key = box.store.reveal("backups/key")
    for path, mode in {"key": "600 root", "backups.json": "600 root", "ssh.key": "600 root"}.items():
        assert box.target.succeed(f"stat -c '%a %U' /etc/boxkeeper/backups/{path}").strip() == mode
    assert box.target.succeed("stat -c '%a %U %G' /etc/pgbackrest/pgbackrest.conf").strip() == "640 root postgres"
    assert key not in box.target.succeed("journalctl -o export; systemctl show '*'; cat /var/log/postgresql/*")


def test_another_key_opens_what_was_backed_up_before_and_the_old_one_nothing(
    box: Box, place: Target, backed_up: Any
) -> None:
    old = box.store.reveal("backups/key")
    rotated = box.command("secrets", "rotate", "ENV", "backups")
    assert rotated.returncode == 0, rotated
    assert b"backups/key. The old values are refused" in rotated.stdout
    assert old != box.store.reveal("backups/key") == box.target.succeed("cat /etc/boxkeeper/backups/key")
    box.target.succeed(f"umask 077; printf %s {old} >/run/old-key")
    tried = box.target.execute("RESTIC_PASSWORD_FILE=/run/old-key restic -r /var/backups/boxkeeper/files cat config")
    assert "wrong password" in tried[1]
    for target, folder in ((box.target, "/var/backups/boxkeeper"), (place, KEPT)):
        assert target.succeed(f"ls {folder}/files/keys | wc -l").strip() == "1"
    assert box.changes() == []
    verified = box.command("backup", "verify", "ENV")
    assert verified.returncode == 0, verified
    assert b"files are whole" in verified.stdout


def test_a_change_is_away_within_a_minute_without_any_backup(box: Box, place: Target, backed_up: Any) -> None:
    assert box.sql("SHOW archive_timeout") == "1min"
    box.sql("INSERT INTO drafts VALUES (3)")
    piece = box.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
    box.sql("SELECT pg_switch_wal()")
    place.wait_until(f"find {KEPT}/postgres/archive -name '{piece}*' | grep -q .", 30)


def test_what_was_dropped_is_back_as_it_was_before_beside_what_is_live(box: Box, backed_up: Any) -> None:
    time.sleep(1.1)
    then = box.sql("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')")
    time.sleep(1.1)
    box.sql("DROP TABLE notes; INSERT INTO drafts VALUES (4)")
    done = box.command("restore", "ENV", "note-taker", "--at", then)
    assert done.returncode == 0, done
    assert b"database note_taker_restored: 2 tables, 1003 rows, each compared" in done.stdout, done.stdout.decode()
    assert box.sql("SELECT count(*) FROM notes", "note_taker_restored") == str(ROWS)
    assert box.sql("SELECT tableowner FROM pg_tables WHERE tablename = 'notes'", "note_taker_restored") == "note_taker"
    assert box.sql("SELECT count(*) FROM drafts") == "4", "what is live is as it was"
    restored = f"/srv/note-taker/restored{NOTE}"
    assert box.target.succeed(f"cat {restored}; stat -c %a {restored}").split("\n")[:2] == ["canary of a file", "640"]
    assert box.target.execute("ls /var/lib/postgresql/boxkeeper-scratch")[0] != 0, "nothing is left of the scratch"
    again = box.command("restore", "ENV", "note-taker", "--at", then)
    assert (again.returncode, b"there is a database note_taker_restored already" in again.stdout) == (1, True), again
    box.sql("DROP DATABASE note_taker_restored", "postgres")


def test_one_table_alone_and_one_file_alone(box: Box, backed_up: Any) -> None:
    table = box.command("restore", "ENV", "note-taker", "--table", "drafts", "--into", "rescued", "--here")
    assert table.returncode == 0, table
    assert box.sql("SELECT count(*) FROM drafts", "rescued") == "4", "to the last moment"
    assert box.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", "rescued") == "1"
    box.sql("DROP DATABASE rescued", "postgres")
    box.target.succeed(f"echo other >{NOTE}")
    file = box.command("restore", "ENV", "note-taker", "--file", NOTE)
    assert file.returncode == 0, file
    assert box.target.succeed(f"cat /srv/note-taker/restored{NOTE} {NOTE}") == "canary of a file\nother"
    missing = box.command("restore", "ENV", "note-taker", "--file", "/srv/note-taker/shared/none")
    assert (missing.returncode, b"/srv/note-taker/shared/none: not in that backup" in missing.stdout) == (1, True)


def test_what_is_live_is_replaced_by_who_types_its_name_and_kept_by_another(box: Box, backed_up: Any) -> None:
    unsure = box.command("restore", "ENV", "note-taker", "--replace", stdin=b"other\n")
    assert (unsure.returncode, b"nothing was changed" in unsure.stderr) == (2, True)
    box.target.succeed(f"echo newest >{NOTE}")
    box.sql("CREATE DATABASE note_taker_restored", "postgres")
    failed = box.command("restore", "ENV", "note-taker", "--replace", stdin=b"note-taker\n")
    assert (failed.returncode, b"what is live is as it was" in failed.stdout) == (1, True), failed
    assert box.target.succeed(f"cat {NOTE}").strip() == "newest", "the files too"
    box.sql("DROP DATABASE note_taker_restored", "postgres")
    box.sql("DELETE FROM drafts")
    box.target.succeed("touch /var/lib/boxkeeper-chroma/note-taker/later")
    mark = next(iter(json.loads(box.command("backup", "list", "ENV", "--json").stdout)))["last"]["stop"]
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(mark))
    done = box.command("restore", "ENV", "note-taker", "--at", at, "--replace", stdin=b"note-taker\n")
    assert done.returncode == 0, done
    assert box.sql("SELECT count(*) FROM drafts") == "2"
    assert box.sql("SELECT count(*) FROM notes") == str(ROWS)
    assert box.target.succeed(f"cat {NOTE}") == "canary of a file"
    assert "later" not in box.target.succeed("ls /var/lib/boxkeeper-chroma/note-taker")
    (kept,) = box.sql("SELECT datname FROM pg_database WHERE datname LIKE 'note_taker_before_%'").splitlines()
    assert box.sql("SELECT count(*) FROM drafts", kept) == "0"
    assert box.target.succeed("systemctl is-active boxkeeper-chroma@note-taker.service").strip() == "active"
    assert box.changes() == [], "it is as a run would have it"
    box.sql(f"DROP DATABASE {kept}", "postgres")


def test_a_drill_restores_what_is_away_and_says_how_long_it_took(box: Box, place: Target, backed_up: Any) -> None:
    done = box.command("backup", "drill", "ENV")
    assert done.returncode == 0, done
    assert f"restored from {place.address} and compared: PostgreSQL in " in done.stdout.decode()
    status = box.command("status", "ENV").stdout.decode()
    assert "backups" in status
    assert "tried" in status


def test_a_drill_that_finds_other_rows_is_a_failure(box: Box, backed_up: Any) -> None:
    record = "/var/lib/boxkeeper/backups/made.json"
    box.target.succeed(f'cp {record} /root/made.json; sed -i \'s/"public.notes": 1000/"public.notes": 1001/\' {record}')
    try:
        done = box.command("backup", "drill", "ENV")
    finally:
        box.target.succeed(f"mv /root/made.json {record}")
    assert done.returncode == 1
    assert b"note_taker: public.notes has 1000 rows, not 1001" in done.stdout
    status = box.command("status", "ENV")
    assert (status.returncode, b"the last drill failed: note_taker: public.notes" in status.stdout) == (1, True)


@pytest.mark.parametrize("part", ["postgres/backup", "files/data"])
def test_a_damaged_backup_is_found(box: Box, place: Target, backed_up: Any, part: str) -> None:
    """Four bytes are others than they were, in the middle of the biggest file."""
    biggest = f"find {KEPT}/{part} -type f -printf '%s %p\\n' | sort -rn | head -1 | cut -d ' ' -f 2-"
    file = place.succeed(biggest).strip()
    place.succeed(
        f"cp -a {file} /root/whole; printf XXXX | dd of={file} bs=1 seek=$(($(stat -c %s {file})/2)) conv=notrunc"
    )
    try:
        found = box.command("backup", "verify", "ENV")
    finally:
        place.succeed(f"cp -a /root/whole {file}")
    assert found.returncode == 1, found
    assert f"damaged or out of reach: {place.address}" in found.stdout.decode()
    assert b"here: files are whole" in found.stdout
    assert b"here: PostgreSQL is whole" in found.stdout


def test_a_piece_of_wal_that_is_missing_is_found(box: Box, place: Target, backed_up: Any) -> None:
    """The one in which the newest backup noted how many rows there were."""
    [stanza] = json.loads(box.target.succeed(f"runuser -u postgres -- {PGBACKREST} --repo=2 --output=json info"))
    last = stanza["backup"][-1]["archive"]["stop"]
    place.succeed(f"mkdir /root/wal; cd {KEPT}/postgres/archive/main/*/; ls -d */* >/root/pieces")
    later = [each for each in place.succeed("cat /root/pieces").split() if each.partition("/")[2][:24] > last]
    folder = place.succeed(f"echo {KEPT}/postgres/archive/main/*/")
    place.succeed(f"cd {folder}; mv {' '.join(later)} /root/wal")
    try:
        done = box.command("backup", "drill", "ENV")
    finally:
        place.succeed("".join(f"mv /root/wal/{each.partition('/')[2]} {folder}{each}; " for each in later))
    assert (done.returncode, b"the drill failed: what was restored does not start" in done.stdout) == (1, True), done


def test_a_place_that_is_out_of_reach_is_said_and_the_box_keeps_its_own_copy(
    box: Box, place: Target, backed_up: Any
) -> None:
    place.succeed("mv /srv/keeper/.ssh/authorized_keys /root/taken")
    try:
        failed = box.command("backup", "now", "ENV")
        assert failed.returncode == 1
        assert f"this backup is not whole: {place.address}" in failed.stdout.decode()
        assert b"here: files " in failed.stdout
        status = box.command("status", "ENV")
        assert (status.returncode, f"the last backup failed at {place.address}" in status.stdout.decode()) == (1, True)
        assert box.sql("INSERT INTO drafts VALUES (9); SELECT 1") == "1", "the database goes on"
    finally:
        place.succeed("mv /root/taken /srv/keeper/.ssh/authorized_keys")
    assert box.command("backup", "now", "ENV").returncode == 0
    assert b"failed at" not in box.command("status", "ENV").stdout
