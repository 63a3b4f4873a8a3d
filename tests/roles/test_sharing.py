"""Who reads the store changes, and what is in it, and neither is lost when that is cut off or made twice."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pyrage
import pytest

from roles import Fault
from roles.readers import Reader
from roles.secrets import Secret, Store
from tests.roles.project import ssh_key

pytestmark = pytest.mark.usefixtures("folder")
DATABASE = Secret("note-taker/postgres", "Note Taker", generated=True)
DEEPGRAM = Secret("note-taker/DEEPGRAM_API_KEY", "Note Taker")


@pytest.fixture
def friend(folder: Path) -> pyrage.x25519.Identity:
    return pyrage.x25519.Identity.generate()


def opens(store: Store, key: object) -> bool:
    """Whether somebody with this private key can read the file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOXKEEPER_AGE_KEY", str(key))
        try:
            return bool(Store(store.path).entries())
        except Fault:
            return False


def test_who_the_secrets_are_shared_with_can_read_them_at_once(store: Store, friend: pyrage.x25519.Identity) -> None:
    store.set(DEEPGRAM.name, "dg")
    assert not opens(store, friend)
    store.share(Reader.given(str(friend.to_public())))
    assert opens(store, friend)
    assert store.reveal(DEEPGRAM.name) == "dg"


def test_an_ssh_key_is_shared_with_by_its_file_and_keeps_its_name(store: Store, folder: Path) -> None:
    public = ssh_key(folder / "friend")
    store.set(DEEPGRAM.name, "dg")
    store.share(Reader.given(str(folder / "friend.pub")))
    assert store.recipients.read_text().endswith(f"# you@laptop\n{' '.join(public.split()[:2])}\n")
    assert opens(store, (folder / "friend").read_text())


def test_sharing_twice_names_nobody_twice(store: Store, friend: pyrage.x25519.Identity) -> None:
    store.set(DEEPGRAM.name, "dg")
    for _ in range(2):
        store.share(Reader.given(str(friend.to_public())))
    assert store.recipients.read_text().count(str(friend.to_public())) == 1


def test_who_is_revoked_reads_no_more_and_what_they_read_is_told(store: Store, friend: pyrage.x25519.Identity) -> None:
    store.set(DEEPGRAM.name, "dg")
    store.share(Reader.given(str(friend.to_public())))
    gone, read = store.revoke(str(friend.to_public()))
    assert (gone.key, list(read)) == (str(friend.to_public()), [DEEPGRAM.name])
    assert not opens(store, friend)
    assert str(friend.to_public()) not in store.recipients.read_text()
    assert store.reveal(DEEPGRAM.name) == "dg"


def test_a_key_is_revoked_by_the_name_above_it_which_goes_too(store: Store, folder: Path) -> None:
    ssh_key(folder / "friend")
    store.set(DEEPGRAM.name, "dg")
    before = store.recipients.read_text()
    store.share(Reader.given(str(folder / "friend.pub")))
    store.revoke("you@laptop")
    assert store.recipients.read_text() == before


def test_the_last_key_is_never_revoked(store: Store) -> None:
    store.set(DEEPGRAM.name, "dg")
    own = store.recipients.read_text().split()[-1]
    with pytest.raises(Fault, match="last key"):
        store.revoke(own)
    assert own in store.recipients.read_text()


def test_nobody_revokes_the_only_key_of_their_own(store: Store, friend: pyrage.x25519.Identity) -> None:
    store.set(DEEPGRAM.name, "dg")
    own = store.recipients.read_text().split()[-1]
    store.share(Reader.given(str(friend.to_public())))
    with pytest.raises(Fault, match="your own key"):
        store.revoke(own)
    assert store.reveal(DEEPGRAM.name) == "dg"


def test_a_key_that_is_not_there_is_told_which_are(store: Store, friend: pyrage.x25519.Identity) -> None:
    store.set(DEEPGRAM.name, "dg")
    with pytest.raises(Fault, match=r"this key is not in prod\.recipients, which has: age1"):
        store.revoke(str(friend.to_public()))


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_revocation_that_was_cut_off_is_made_again(
    store: Store, friend: pyrage.x25519.Identity, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.set(DEEPGRAM.name, "dg")
    store.share(Reader.given(str(friend.to_public())))
    rename, times = os.rename, iter(range(1, 9))

    def cut(*paths: str) -> None:
        if next(times) == step:
            raise OSError(28, "No space left on device")
        rename(*paths)

    monkeypatch.setattr(os, "rename", cut)
    with pytest.raises(OSError, match="No space"):
        store.revoke(str(friend.to_public()))
    monkeypatch.setattr(os, "rename", rename)
    store.revoke(str(friend.to_public()))
    assert not opens(store, friend)
    assert store.reveal(DEEPGRAM.name) == "dg"


@pytest.mark.parametrize("change", ["share", "revoke", "change", "generate", "begin"])
def test_a_wrong_key_changes_nothing(store: Store, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store.set(DEEPGRAM.name, "dg")
    monkeypatch.setenv("BOXKEEPER_AGE_KEY", str(pyrage.x25519.Identity.generate()))
    before = {path.name: path.read_bytes() for path in store.path.parent.iterdir()}
    own = store.recipients.read_text().split()[-1]
    changes: dict[str, Callable[[], object]] = {
        "share": lambda: store.share(Reader.given(own)),
        "revoke": lambda: store.revoke(own),
        "change": lambda: store.change({}, {DEEPGRAM.name: "x"}),
        "generate": lambda: store.generate(DATABASE.name),
        "begin": lambda: store.begin({DEEPGRAM.name: "x"}),
    }
    with pytest.raises(Fault, match="is not one of its keys"):
        changes[change]()
    assert {path.name: path.read_bytes() for path in store.path.parent.iterdir()} == before


def test_of_a_copy_only_what_changed_is_taken_over(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("app/KEEP", "app/CHANGE", "app/DROP"):
        store.set(name, "1")
    monkeypatch.setattr("roles.rotation.today", lambda: "2030-01-01")
    before = {name: kept.value for name, kept in store.entries().items()}
    store.set("app/OTHERS", "1")
    assert store.change(before, {"app/KEEP": "1", "app/CHANGE": "2", "app/NEW": "1"}) == [
        "app/CHANGE",
        "app/DROP",
        "app/NEW",
    ]
    after = store.entries()
    assert sorted(after) == ["app/CHANGE", "app/KEEP", "app/NEW", "app/OTHERS"]
    assert after["app/KEEP"].made != "2030-01-01"
    assert (after["app/CHANGE"].value, after["app/CHANGE"].made) == ("2", "2030-01-01")


def test_what_somebody_else_changed_meanwhile_is_not_written_over(store: Store) -> None:
    store.set("app/KEY", "1")
    store.set("app/KEY", "theirs")
    with pytest.raises(Fault, match="app/KEY was changed by somebody else meanwhile"):
        store.change({"app/KEY": "1"}, {"app/KEY": "ours", "app/NEW": "1"})
    assert {name: kept.value for name, kept in store.entries().items()} == {"app/KEY": "theirs"}


def test_a_rotation_goes_on_by_the_phase_in_the_file(store: Store) -> None:
    store.generate(DATABASE.name)
    old = store.reveal(DATABASE.name)
    for _ in range(2):
        Store(store.path).begin({DATABASE.name: ""})
    new = store.entries()[DATABASE.name].accepted[1]
    for step, accepted in (("switch", (old, new)), ("close", (new,)), ("finish", (new,))):
        for _ in range(2):
            getattr(Store(store.path), step)([DATABASE.name])
            assert store.entries()[DATABASE.name].accepted == accepted


def test_a_step_is_taken_with_all_or_with_none(store: Store) -> None:
    store.generate(DATABASE.name)
    store.set(DEEPGRAM.name, "dg")
    with pytest.raises(Fault, match=f"{DEEPGRAM.name} is not ours to make"):
        store.begin({DATABASE.name: "", DEEPGRAM.name: ""})
    assert store.entries()[DATABASE.name].phase == ""


def test_a_secret_that_is_rotated_is_changed_by_nothing_else(store: Store) -> None:
    store.generate(DATABASE.name)
    store.begin({DATABASE.name: ""})
    before = store.entries()
    with pytest.raises(Fault, match=f"{DATABASE.name} is being rotated: finish that first"):
        store.set(DATABASE.name, "x" * 40)
    with pytest.raises(Fault, match="finish that first"):
        store.generate(DATABASE.name, replace=True)
    with pytest.raises(Fault, match="note-taker/postgres is being rotated, and its app may still use"):
        store.finish([DATABASE.name])
    assert store.entries() == before
