"""`boxkeeper secrets rotate`: at every moment the box accepts what its apps use, wherever the rotation is cut off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from commands import rotate
from commands.converge import Outcome
from commands.secrets import secrets
from roles.keys import public_of
from roles.rotation import Kept
from roles.secrets import Store
from tests.commands.rotated import DEPLOY, GENERATED, INVENTORY, LASTING, Box, Killed


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    for name in ("BOXKEEPER_AGE_KEY", "BOXKEEPER_AGE_KEY_FILE", "BOXKEEPER_FROM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "prod.py").write_text(INVENTORY)
    (tmp_path / "requirements.txt").touch()
    monkeypatch.chdir(tmp_path)
    made = Store(tmp_path / "prod.secrets")
    made.set("shop/STRIPE_KEY", "sk_old")
    for name in GENERATED:
        made.generate(name)
    made.generate(DEPLOY, kind="key")
    made.generate(LASTING)
    return made


@pytest.fixture
def box(store: Store, monkeypatch: pytest.MonkeyPatch) -> Box:
    made = Box(store)
    made.converge("", "deploys/rotate.py")
    made.runs.clear()
    monkeypatch.setattr(rotate, "converge", made.converge)
    monkeypatch.setattr(rotate, "logged_in", made.logged_in)
    monkeypatch.setattr(rotate, "time", made.clock)
    write = Store._write

    def counted(self: Store, *given: Any) -> None:
        made.live()
        write(self, *given)
        made.live()

    monkeypatch.setattr(Store, "_write", counted)
    return made


def run(box: Box, *names: str, stdin: bytes = b"") -> Result:
    done = CliRunner().invoke(secrets, ["rotate", str(box.store.path.with_suffix(".py")), *names], input=stdin)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def days_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long ago each step was taken, it was long enough."""
    monkeypatch.setattr(Kept, "hours", 10_000)


def test_all_that_is_made_here_becomes_another_value_and_no_old_one_is_accepted(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: kept.value for name, kept in box.store.entries().items()}
    days_pass(monkeypatch)
    done = run(box)
    after = box.store.entries()
    assert done.exit_code == 0, done.output
    assert {name for name in before if after[name].value != before[name]} == set(GENERATED)
    assert {kept.phase for kept in after.values()} == {""}
    assert box.uses == {name: kept.value for name, kept in after.items()}
    assert all(before[name] not in box.accepts[name] for name in GENERATED)
    assert not any(value in done.output for value in (*before.values(), *box.uses.values()))


@pytest.mark.parametrize("lives", range(16))
def test_killed_at_any_step_it_goes_on_by_the_same_line(box: Box, lives: int, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: kept.value for name, kept in box.store.entries().items()}
    days_pass(monkeypatch)
    box.lives = lives
    with pytest.raises(Killed):
        run(box)
    box.lives = None
    begun = {name: kept.accepted for name, kept in box.store.entries().items()}
    assert run(box).exit_code == 0
    after = box.store.entries()
    assert {kept.phase for kept in after.values()} == {""}
    assert all(after[name].value != before[name] for name in GENERATED)
    if any(len(values) > 1 for values in begun.values()):
        assert all(after[name].value in begun[name] for name in GENERATED), "another rotation was begun"
    assert all(box.accepts[name] == (after[name].value,) for name in GENERATED)


def test_there_is_no_step_more_than_those_that_were_killed(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    days_pass(monkeypatch)
    box.lives = 17
    assert run(box).exit_code == 0
    assert box.lives == 0


def test_a_value_that_somebody_still_has_stays_good_and_is_finished_later(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    days_pass(monkeypatch)
    old = box.store.reveal("shop/postgres")
    box.held[old] = [{"who": "shop-web@1.service", "connections": 12, "seconds": 3000.0}]
    done = run(box)
    assert done.exit_code == 1
    assert "shop/postgres: shop-web@1.service serves 12 open connections with it, for 50 min at most" in done.output
    assert old in box.accepts["shop/postgres"]
    new = box.store.reveal("shop/redis")
    box.held.clear()
    done = run(box)
    assert done.exit_code == 0
    assert old not in box.accepts["shop/postgres"]
    assert box.store.reveal("shop/redis") == new, "what was finished is not begun again"


OPEN: dict[str, Any] = {"who": "shop-web@1.service", "connections": 12, "seconds": 9.0}
ENDING: dict[str, Any] = {**OPEN, "connections": 0}
SESSIONS: dict[str, Any] = {"who": "sessions of shop_a in Postgres", "connections": None, "seconds": None}


@pytest.mark.parametrize(
    ("holders", "seconds"),
    [
        ([OPEN], rotate.MOMENT),
        ([OPEN, SESSIONS], rotate.MOMENT),
        ([ENDING], rotate.PATIENCE),
        ([SESSIONS], rotate.PATIENCE),
    ],
)
def test_who_is_about_to_end_is_waited_for_longer_than_who_serves_what_is_open(
    box: Box, holders: list[Any], seconds: float
) -> None:
    box.held[box.store.reveal("shop/redis")] = holders
    assert run(box, "shop", "redis").exit_code == 1
    assert seconds < box.clock.now <= seconds + 1


def test_what_the_old_value_has_signed_is_good_for_its_days(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(box, "shop", "JWT_SECRET")
    assert (done.exit_code, "good for 7 days more" in done.output) == (1, True)
    assert box.store.entries()["shop/JWT_SECRET"].previous is not None
    days_pass(monkeypatch)
    assert run(box, "shop", "JWT_SECRET").exit_code == 0
    assert box.store.entries()["shop/JWT_SECRET"].previous is None


def test_a_box_that_still_accepts_an_old_value_is_a_fault_and_nothing_is_forgotten(box: Box) -> None:
    box.deaf = True
    done = run(box, "shop", "redis")
    assert (done.exit_code, "shop/redis: the old value still opens it" in done.output) == (2, True)
    assert box.store.entries()["shop/redis"].phase == "closed"
    box.deaf = False
    assert run(box, "shop/redis").exit_code == 0


def test_a_run_that_fails_leaves_both_values_and_is_taken_again(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotate, "converge", lambda *_: Outcome(1, 0))
    assert run(box, "shop", "redis").exit_code == 2
    assert box.store.entries()["shop/redis"].phase == "begun"
    monkeypatch.setattr(rotate, "converge", box.converge)
    assert run(box, "shop", "redis").exit_code == 0


def test_a_key_that_you_supply_is_asked_for_and_where_to_revoke_the_old_one_is_told(box: Box) -> None:
    done = run(box, "shop", "STRIPE_KEY", "--line", stdin=b"sk_new\n")
    assert done.exit_code == 0, done.output
    assert "Now revoke the old shop/STRIPE_KEY: dashboard.stripe.com/apikeys." in done.output
    assert box.uses["shop/STRIPE_KEY"] == "sk_new"
    assert box.sought == [["STRIPE_KEY"], ["STRIPE_KEY", "STRIPE_KEY_PREVIOUS"]], "another key may be the same word"
    assert "sk_" not in done.output


def test_a_deploy_key_waits_until_the_repository_takes_the_new_one_and_no_more_the_old_one(box: Box) -> None:
    before = box.store.entries()[DEPLOY].value
    box.added = [before]
    adds = run(box, "private", "deploy_key")
    after = box.store.entries()[DEPLOY].accepted[1]
    assert (adds.exit_code, box.uses[DEPLOY]) == (1, before)
    said = "github.com does not take the new key (Permission denied); add it there, for reading"
    assert f"--> {DEPLOY}: {said}: {public_of(after)}" in adds.output
    box.added.append(after)
    removes = run(box, "private", "deploy_key")
    assert (removes.exit_code, box.uses[DEPLOY]) == (1, after)
    assert f"github.com still takes the old key; remove it there: {public_of(before)}" in removes.output
    box.added.remove(before)
    assert run(box, "private", "deploy_key").exit_code == 0
    assert (box.store.entries()[DEPLOY].value, box.store.entries()[DEPLOY].phase) == (after, "")
    assert "PRIVATE KEY" not in adds.output + removes.output


def test_a_deploy_key_is_rotated_when_it_is_meant(box: Box) -> None:
    days = box.store.entries()[DEPLOY]
    run(box)
    assert box.store.entries()[DEPLOY] == days


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("shpo",), "no app has a secret shpo; did you mean `shop`?"),
        (("shop", "postgre"), "no app has a secret shop/postgre; did you mean `shop postgres`?"),
        (("site",), "no app has a secret site"),
    ],
)
def test_a_name_that_nothing_has_is_one_line(box: Box, names: tuple[str, ...], said: str) -> None:
    done = run(box, *names)
    assert (done.exit_code, done.output.startswith(f"--> {said}")) == (2, True), done.output
    assert box.runs == []


def test_of_one_app_no_other_one_is_released(box: Box) -> None:
    run(box, "shop", "redis")
    assert box.runs == [["--data", "app=shop"]] * 3


def test_the_key_to_the_backups_is_rotated_by_itself_and_that_of_databases_stays_with_the_reason(box: Box) -> None:
    before = {name: kept.value for name, kept in box.store.entries().items()}
    assert run(box, "backups", "key").exit_code == 0
    refused = run(box, "backups", "postgres_key")
    assert refused.exit_code == 2
    assert "pgBackRest closes a repository with one key for good" in refused.output
    after = box.store.entries()
    assert [name for name, value in before.items() if after[name].value != value] == ["backups/key"]
    assert box.runs == [["--data", "app=backups"]] * 3, "no app has that name: none of them reads it"
