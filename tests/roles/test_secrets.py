"""The store: an encrypted file that survives wrong keys, cut-off writes, merges and two writers at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pyrage
import pytest

from roles import Fault
from roles.keys import public_of
from roles.secrets import Secret, Store
from tests.roles.project import ssh_key

pytestmark = pytest.mark.usefixtures("folder")
DATABASE = Secret("note-taker/postgres", "Note Taker", generated=True)
DEEPGRAM = Secret("note-taker/DEEPGRAM_API_KEY", "Note Taker")
KEY = Secret("note-taker/deploy_key", "Note Taker", generated=True, kind="key")


def raised(store: Store) -> str:
    with pytest.raises(Fault) as fault:
        store.entries()
    assert "\n" not in str(fault.value)
    return str(fault.value)


def test_a_generated_secret_is_made_once_and_kept(store: Store) -> None:
    assert store.complete([DATABASE]) == []
    first = store.values()[DATABASE.name].get_secret_value()
    again = Store(store.path)
    assert again.complete([DATABASE]) == []
    assert again.values()[DATABASE.name].get_secret_value() == first
    assert len(first) == 40
    assert first.isalnum()


def test_a_missing_supplied_secret_is_a_sentence_with_the_line_to_type_and_nothing_is_made(store: Store) -> None:
    assert store.complete([DATABASE, DEEPGRAM]) == [
        "note-taker needs secret DEEPGRAM_API_KEY: run `boxkeeper secrets set prod note-taker/DEEPGRAM_API_KEY`"
    ]
    assert list(store.path.parent.iterdir()) == []


def test_the_line_to_type_names_an_inventory_that_is_elsewhere_by_its_path(tmp_path: Path) -> None:
    (said,) = Store.beside(tmp_path / "prod.py").complete([DEEPGRAM])
    assert said.endswith(f"run `boxkeeper secrets set {tmp_path}/prod.py note-taker/DEEPGRAM_API_KEY`")


def test_an_optional_secret_may_be_missing_and_is_never_made(store: Store) -> None:
    stripe = Secret("pair-cam/STRIPE_SECRET_KEY", "PairCam", optional=True)
    assert store.complete([DATABASE, stripe]) == []
    assert list(store.values()) == [DATABASE.name]
    store.set(stripe.name, "sk")
    assert store.complete([DATABASE, stripe]) == []
    assert store.values()[stripe.name].get_secret_value() == "sk"


def test_with_nothing_wanted_nothing_is_opened_or_made(store: Store, folder: Path) -> None:
    assert store.complete([]) == []
    assert store.values() == {}
    assert list((folder / "home").iterdir()) == []


def test_a_weak_password_for_a_generated_secret_is_refused(store: Store) -> None:
    store.set(DATABASE.name, "changeme")
    (fault,) = store.complete([DATABASE])
    assert "16 or more" in fault
    assert "boxkeeper secrets generate --replace prod note-taker/postgres" in fault
    assert "changeme" not in fault


def test_a_deploy_key_is_an_ssh_key_and_one_that_is_none_is_refused(store: Store) -> None:
    assert store.complete([KEY]) == []
    made = store.entries()[KEY.name]
    assert (made.kind, public_of(made.value).split()[0]) == ("key", "ssh-ed25519")
    store.set(KEY.name, "x" * 40)
    assert store.complete([KEY]) == [
        "note-taker/deploy_key is no private SSH key without a passphrase, in OpenSSH's format: "
        "run `boxkeeper secrets generate --replace prod note-taker/deploy_key`"
    ]
    store.generate(KEY.name, replace=True, kind=KEY.kind)
    assert store.complete([KEY]) == []


@pytest.mark.parametrize("value", ["a", "\n", ' "x" \n\\ $HOME `id` %\r\n\t', "é\U0001f511\x01", "x" * 100_000])
def test_a_value_is_kept_byte_for_byte(store: Store, value: str) -> None:
    store.set("note-taker/KEY", value)
    assert Store(store.path).values()["note-taker/KEY"].get_secret_value() == value


@pytest.mark.parametrize(
    ("name", "value"),
    [("KEY", "x"), ("../x/K", "x"), ("a/b/c", "x"), ("app/KEY", ""), ("app/KEY", "a\0b"), ("app/KEY", "\ud800")],
)
def test_what_no_environment_can_carry_is_refused(store: Store, name: str, value: str) -> None:
    with pytest.raises(Fault):
        store.set(name, value)
    assert not store.path.exists()


def test_each_secret_knows_when_it_was_made_and_what_it_is(store: Store) -> None:
    store.complete([DATABASE])
    store.set(DEEPGRAM.name, "dg")
    entries = store.entries()
    assert {kept.made for kept in entries.values()} == {date.today().isoformat()}
    assert (entries[DATABASE.name].kind, entries[DEEPGRAM.name].kind) == ("password", "supplied")


def test_the_file_is_what_the_age_format_says(store: Store, folder: Path) -> None:
    store.set(DEEPGRAM.name, "dg")
    sealed = store.path.read_bytes()
    assert sealed.startswith(b"-----BEGIN AGE ENCRYPTED FILE-----\n")
    (line,) = [line for line in (folder / "home/.config/boxkeeper/identity").read_text().splitlines() if line[0] != "#"]
    opened = json.loads(pyrage.decrypt(sealed, [pyrage.x25519.Identity.from_str(line)]))
    assert opened[DEEPGRAM.name]["value"] == "dg"


def test_the_first_key_is_made_said_and_readable_by_its_owner_only(
    store: Store, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.set(DEEPGRAM.name, "dg")
    identity = folder / "home/.config/boxkeeper/identity"
    assert identity.stat().st_mode & 0o777 == 0o600
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "~/.config/boxkeeper/identity" in said
    assert "AGE-SECRET" not in said


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_the_ssh_key_that_is_there_opens_it_too(store: Store, folder: Path, kind: str) -> None:
    public = ssh_key(folder / "home/.ssh/id_ed25519", kind=kind)
    store.set(DEEPGRAM.name, "dg")
    assert " ".join(public.split()[:2]) in store.recipients.read_text()
    assert Store(store.path).values()[DEEPGRAM.name].get_secret_value() == "dg"
    assert not (folder / "home/.config").exists()


def test_an_ssh_key_behind_a_passphrase_is_left_aside(store: Store, folder: Path) -> None:
    ssh_key(folder / "home/.ssh/id_ed25519", passphrase="secret words")
    store.set(DEEPGRAM.name, "dg")
    assert store.recipients.read_text().splitlines()[1].startswith("age1")


@pytest.mark.parametrize("variable", ["BOXKEEPER_AGE_KEY", "BOXKEEPER_AGE_KEY_FILE"])
def test_the_environment_names_the_key(
    store: Store, folder: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = pyrage.x25519.Identity.generate()
    (folder / "ci").write_text(f"# made: today\n{identity}\n")
    monkeypatch.setenv(variable, (folder / "ci").read_text() if variable == "BOXKEEPER_AGE_KEY" else str(folder / "ci"))
    store.set(DEEPGRAM.name, "dg")
    assert str(identity.to_public()) in store.recipients.read_text()
    assert not (folder / "home/.config").exists()


def test_everybody_among_the_recipients_can_read(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.set(DEEPGRAM.name, "dg")
    friend = pyrage.x25519.Identity.generate()
    public = ssh_key(folder / "friend")
    with store.recipients.open("a") as file:
        file.write(f"\n# a friend\n{friend.to_public()}\n{public}\n")
    store.generate(DATABASE.name)
    for key in (str(friend), (folder / "friend").read_text()):
        monkeypatch.setenv("BOXKEEPER_AGE_KEY", key)
        assert Store(store.path).values()[DEEPGRAM.name].get_secret_value() == "dg"


def test_nobody_writes_what_they_could_not_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.set(DEEPGRAM.name, "dg")
    store.recipients.write_text(f"{pyrage.x25519.Identity.generate().to_public()}\n")
    before = store.path.read_bytes()
    with pytest.raises(Fault, match=r"does not name your key.*add the line age1"):
        store.set("note-taker/OTHER", "x")
    assert store.path.read_bytes() == before


def test_a_line_that_is_no_public_key_is_named(store: Store) -> None:
    store.recipients.write_text("# team\nssh-dss AAAA\n")
    with pytest.raises(Fault, match=r"prod\.recipients line 2"):
        store.set(DEEPGRAM.name, "dg")


def test_recipients_that_went_missing_are_not_made_anew(store: Store) -> None:
    store.set(DEEPGRAM.name, "dg")
    store.recipients.unlink()
    with pytest.raises(Fault, match=r"git checkout prod\.recipients"):
        store.set("note-taker/OTHER", "x")
    assert not store.recipients.exists()


def test_a_wrong_key_is_one_line(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.set(DEEPGRAM.name, "dg")
    monkeypatch.setenv("BOXKEEPER_AGE_KEY", str(pyrage.x25519.Identity.generate()))
    assert raised(store).startswith(
        "inventories/prod.secrets can't be opened: BOXKEEPER_AGE_KEY is not one of its keys"
    )
    assert store.complete([DEEPGRAM]) == [raised(store)]


def test_no_key_at_all_is_one_line(store: Store, folder: Path) -> None:
    store.set(DEEPGRAM.name, "dg")
    (folder / "home/.config/boxkeeper/identity").unlink()
    assert "there is no key at ~/.config/boxkeeper/identity or ~/.ssh/id_ed25519" in raised(store)


@pytest.mark.parametrize("key", ["nonsense", "AGE-SECRET-KEY-1QQQ", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"])
def test_what_is_no_key_is_one_line_that_does_not_show_it(
    store: Store, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.set(DEEPGRAM.name, "dg")
    monkeypatch.setenv("BOXKEEPER_AGE_KEY", key)
    assert key not in raised(store)


def test_a_key_that_others_can_read_is_refused(store: Store, folder: Path) -> None:
    store.set(DEEPGRAM.name, "dg")
    (folder / "home/.config/boxkeeper/identity").chmod(0o644)
    assert "chmod 600 ~/.config/boxkeeper/identity" in raised(store)


@pytest.mark.parametrize("part", [0, 10, 100, -40, -5])
def test_a_truncated_file_is_one_line_and_stays_as_it_is(store: Store, part: int) -> None:
    store.set(DEEPGRAM.name, "dg")
    cut = store.path.read_bytes()[:part]
    store.path.write_bytes(cut)
    assert "is cut off or damaged" in raised(store)
    with pytest.raises(Fault):
        store.set(DEEPGRAM.name, "other")
    assert store.path.read_bytes() == cut


def test_a_merge_conflict_is_one_line_and_stays_as_it_is(store: Store) -> None:
    store.set(DEEPGRAM.name, "dg")
    sides = store.path.read_text()
    store.path.write_text(f"<<<<<<< HEAD\n{sides}=======\n{sides}>>>>>>> main\n")
    before = store.path.read_bytes()
    assert "holds a merge conflict: keep one side (`git checkout --ours inventories/prod.secrets`)" in raised(store)
    assert store.path.read_bytes() == before


def test_the_version_before_is_kept(store: Store) -> None:
    store.set(DEEPGRAM.name, "first")
    store.set(DEEPGRAM.name, "second")
    assert Store(store.path.with_suffix(".secrets.previous")).entries()[DEEPGRAM.name].value == "first"


def test_setting_the_same_value_again_writes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.set(DEEPGRAM.name, "dg")
    before = store.path.read_bytes()
    monkeypatch.setattr("roles.rotation.today", lambda: "2030-01-01")
    store.set(DEEPGRAM.name, "dg")
    assert store.path.read_bytes() == before
    store.set(DEEPGRAM.name, "other")
    assert store.entries()[DEEPGRAM.name].made == "2030-01-01"


def test_a_value_that_is_there_is_replaced_only_when_asked(store: Store) -> None:
    store.generate(DATABASE.name)
    before = store.entries()[DATABASE.name].value
    with pytest.raises(Fault, match="--replace"):
        store.generate(DATABASE.name)
    store.generate(DATABASE.name, replace=True)
    assert store.entries()[DATABASE.name].value != before


def test_two_writers_at_once_lose_nothing(store: Store) -> None:
    store.set(DEEPGRAM.name, "dg")
    code = "import sys; from roles.secrets import *; Store(Path(sys.argv[1])).set(sys.argv[2], 'x')"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}

    def write(number: int) -> None:
        argv = [sys.executable, "-c", code, str(store.path), f"note-taker/KEY_{number}"]
        subprocess.run(argv, check=True, env=env)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    assert len(store.entries()) == 7


def test_a_write_that_fails_leaves_the_file_and_nothing_beside_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.set(DEEPGRAM.name, "dg")
    before = {path.name: path.read_bytes() for path in store.path.parent.iterdir()}
    monkeypatch.setattr(os, "rename", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        store.set(DEEPGRAM.name, "other")
    assert {path.name: path.read_bytes() for path in store.path.parent.iterdir()} == before


def test_reading_costs_milliseconds(store: Store) -> None:
    for number in range(50):
        store.set(f"note-taker/KEY_{number}", "x" * 200)
    took = []
    for _ in range(3):  # the quickest: on a machine that is busy with other things, any one may take longer
        started = time.perf_counter()
        assert len(Store(store.path).values()) == 50
        took.append(time.perf_counter() - started)
    assert min(took) < 0.05


def test_no_value_is_in_a_repr(store: Store) -> None:
    store.set(DEEPGRAM.name, "canary")
    assert "canary" not in f"{store.entries()} {store.values()} {vars(store)}"
