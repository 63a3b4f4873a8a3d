"""A box whose distribution has a newer PostgreSQL than its cluster: it stays as it is, until it is asked for."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from target import own
from target.box import Target
from target.project import Project

pytestmark = pytest.mark.target
OLDER = """
cd /etc/apt/sources.list.d
sed 's/trixie-updates//; s/trixie/bookworm/g' debian.sources >older.sources
"""
"""The versions of Debian 12, on Debian 13: as on a box that was upgraded from the one to the other."""


class Box(Project):
    """The box, and a project of its own for its secrets."""

    here = Path(__file__).resolve().parent
    variable = "MAJOR"

    def upgrade(self) -> str:
        """What `boxkeeper postgres upgrade` says."""
        done = self.command("postgres", "upgrade", "ENV")
        assert done.returncode == 0, done
        return done.stdout.decode()

    def sql(self, text: str) -> str:
        line = f"cd /; runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 -d notes -c {shlex.quote(text)}"
        return self.target.succeed(line).strip()


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with Box.on(Target.start(own("majorbox")), tmp_path_factory.mktemp("project")) as made:
        made.target.succeed(OLDER)
        made.target.install("postgresql-15")
        made.converge()
        yield made


def test_a_run_keeps_the_version_and_an_upgrade_brings_the_data_to_the_newest(box: Box) -> None:
    box.sql("CREATE TABLE notes AS SELECT n, 'note ' || n AS text FROM generate_series(1, 5000) n")
    assert box.sql("SHOW server_version_num")[:2] == "15"
    assert box.changes() == []
    box.target.install("postgresql-17")
    box.target.succeed("pg_createcluster 17 main")
    refused = box.run("-y")
    assert refused.code == 2
    assert "2 PostgreSQL clusters (15/main, 17/main): `boxkeeper postgres upgrade ENV`" in refused.output

    said = box.upgrade()
    assert "PostgreSQL 15 becomes 17, after a backup and its trial" in said
    assert box.sql("SHOW server_version_num")[:2] == "17"
    assert box.sql("SELECT count(*), max(n) FROM notes") == "5000|5000"
    assert box.sql("SHOW port; ") == "5432"
    assert "15  main" in box.target.succeed("pg_lsclusters"), "the old one is kept"
    assert box.target.succeed("systemctl is-active postgresql@15-main || true").strip() == "inactive"
    assert box.changes() == [], "it is as a run would have it"


def test_backups_go_on_with_the_new_version(box: Box) -> None:
    box.sql("INSERT INTO notes VALUES (0, 'after')")
    box.target.succeed("systemctl start boxkeeper-backup@now.service boxkeeper-drill.service")
    info = json.loads(box.target.succeed("runuser -u postgres -- pgbackrest --stanza=main --output=json info"))
    assert [db["version"] for db in info[0]["db"]] == ["15", "17"]


def test_a_second_upgrade_finds_nothing_to_do_also_after_a_reboot(box: Box) -> None:
    box.target.reboot()
    assert "PostgreSQL 17, the newest of its distribution" in box.upgrade()
    assert box.sql("SELECT count(*) FROM notes") == "5001"
