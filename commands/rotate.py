"""`boxkeeper secrets rotate`: other values for secrets, by steps that nobody notices and that can be taken again.

The store says how far each one is, see `roles/rotation.py`. A step is in the store before it is taken on the box, and
the box is made so again whenever this command goes on.
"""

from __future__ import annotations

import difflib
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import click

from commands.box import logged_in
from commands.converge import converge
from commands.inventory import check, inventory_of
from commands.store import store_of, typed
from onbox.troubles import span
from roles import Fault, rotation
from roles.backups import POSTGRES_KEY
from roles.keys import public_of
from roles.resources import Json
from roles.rotation import Kept
from roles.secrets import Secret, Store
from roles.server import Server
from roles.trials import BACKUPS, trials

ANOTHER = (
    "For another one give the backups another place, `Backups(path=..., offsite=...)`, and delete the old one"
    " when you need nothing of it any more."
)
PATIENCE = 20.0
"""Seconds to wait for whoever still has an old value, and is about to end."""
MOMENT = 3.0
"""Seconds to wait where each is served to what is open: a request ends by then, a WebSocket may take an hour."""
ISSUERS = {
    "DEEPGRAM": "console.deepgram.com, API Keys",
    "GEMINI": "aistudio.google.com/apikey",
    "GOOGLE": "console.cloud.google.com/apis/credentials",
    "OPENAI": "platform.openai.com/api-keys",
    "REPLICATE": "replicate.com/account/api-tokens",
    "STRIPE": "dashboard.stripe.com/apikeys",
    "TWILIO": "console.twilio.com, API keys & tokens",
    "VAPI": "dashboard.vapi.ai",
}
"""Where a key is revoked, by the first word of its name."""


@click.command()
@click.argument("env")
@click.argument("app", required=False)
@click.argument("name", required=False)
@click.option("--line", is_flag=True, help="Of a key on standard input, drop the newline at the end")
def rotate(env: str, app: str | None, name: str | None, line: bool) -> None:
    """Give passwords other values: those of all apps, of one, or a single one. No request fails, no socket is cut.

    A key that you supply is asked for. Run again, it goes on where it was cut off or had to wait; until that is
    finished nothing else is begun. Ends with 1 while something has to wait.
    """
    store, servers, started = store_of(env), check(inventory_of(env)), time.monotonic()
    wanted = "/".join(word for word in (app, name) if word)
    known = within(wanted, secrets_of(servers))
    names = [name for name, kept in store.entries().items() if name in known and kept.phase]
    if names:
        click.echo(f"Going on with what was begun: {', '.join(names)}.")
    else:
        values = begun(wanted, known, store.entries(), line)
        names = list(values)
        store.begin(values)
        click.echo(f"Rotating {', '.join(names)}.")
    waiting = Rotation(env, store, tuple(servers), tuple(names)).go_on()
    for one, reason in waiting.items():
        click.echo(f"--> {one}: {reason}", err=True)
    _finished([one for one in names if one not in waiting], store, time.monotonic() - started)
    if waiting:
        again = " ".join(["boxkeeper secrets rotate", env, *wanted.split("/")]).rstrip()
        click.echo(f"Until then both values are good. The same line goes on: `{again}`")
        sys.exit(1)


def _finished(names: Sequence[str], store: Store, seconds: float) -> None:
    if names:
        click.echo(f"Rotated in {seconds:.0f} s: {', '.join(names)}. The old values are refused, and nobody has them.")
        click.echo(f"Commit {store.path.name}.")
    entries = store.entries()
    for name in names:
        if entries[name].kind == "supplied":
            issuer = ISSUERS.get(name.partition("/")[2].partition("_")[0], "whoever gave it to you")
            click.echo(f"Now revoke the old {name}: {issuer}.")


def secrets_of(servers: Iterable[Server]) -> dict[str, Secret]:
    """What the apps of these boxes and their backups read, by name: what this command knows how to rotate."""
    return {secret.name: secret for server in servers for secret in server.wanted_secrets() if _known(server, secret)}


def _known(server: Server, secret: Secret) -> bool:
    return secret.name in BACKUPS or secret.name.partition("/")[0] in {app.name for app in server.apps}


def within(wanted: str, known: Mapping[str, Secret]) -> dict[str, Secret]:
    """Those that are meant by "", by an app's name, or by that of a secret. Raises Fault where that is none."""
    if wanted == POSTGRES_KEY:
        raise Fault(f"{wanted} stays: pgBackRest closes a repository with one key for good. {ANOTHER}")
    found = {name: one for name, one in known.items() if not wanted or wanted in (name, name.partition("/")[0])}
    if not found:
        near = difflib.get_close_matches(wanted, [*known, *(name.partition("/")[0] for name in known)], 1)
        meant = f"did you mean `{near[0].replace('/', ' ')}`?" if near else f"known: {', '.join(known) or 'none'}"
        raise Fault(f"no app has a secret {wanted}; {meant}")
    return found


def begun(wanted: str, known: Mapping[str, Secret], entries: Mapping[str, Kept], line: bool) -> dict[str, str]:
    """The value to begin with by name, "" for one to be made. Raises Fault where there is none to rotate."""
    if wanted in known and not known[wanted].generated:
        if wanted not in entries:
            raise Fault(f"{wanted} is not in the store yet: `boxkeeper secrets set` keeps one")
        return {wanted: typed(wanted, line)}
    # a deploy key needs you at the repository too: it is rotated when it is meant
    made = [name for name, one in known.items() if one.generated and (one.kind == "password" or name == wanted)]
    if not made:
        given = ", ".join(f"`{name.replace('/', ' ')}`" for name in known if name in entries)
        raise Fault(f"nobody but you can make another value of these; name one: {given or 'there is none yet'}")
    # one that was typed by hand once is as good as a new one of ours
    return {
        name: rotation.generated(known[name].kind).value if entries[name].kind == "supplied" else "" for name in made
    }


@dataclass(frozen=True)
class Rotation:
    """What is under way of an environment's secrets."""

    env: str
    store: Store
    servers: tuple[Server, ...]
    names: tuple[str, ...]

    def go_on(self) -> dict[str, str]:
        """Take every step that can be taken by now. Returns why the rest has to wait, by name.

        Raises Fault for a step that fails: the same call takes it again.
        """
        waiting: dict[str, str] = {}
        if begun := self._in("begun"):
            self._converge("Both the old and the new values open what they are for:")
            waiting = self._tried(begun)
            self.store.switch([name for name in begun if name not in waiting])
        if switched := self._in("switched"):
            self._converge("The apps use the new values:")
            waiting |= self._early(switched)
            waiting |= self._held([name for name in switched if name not in waiting])
            self.store.close([name for name in switched if name not in waiting])
        if closed := self._in("closed"):
            self._converge("Only the new values open anything:")
            waiting |= self._tried(closed)
            waiting |= self._held([name for name in closed if name not in waiting])
            self.store.finish([name for name in closed if name not in waiting])
        return waiting

    def _in(self, phase: str) -> dict[str, Kept]:
        entries = self.store.entries()
        return {name: entries[name] for name in self.names if entries[name].phase == phase}

    def _converge(self, what: str) -> None:
        click.echo(what)
        owners = {name.partition("/")[0] for name in self.names}
        chosen = ["--data", f"app={owners.pop()}"] if len(owners) == 1 else []  # of backups: no app
        if converge(inventory_of(self.env), "deploys/rotate.py", *chosen).code != 0:
            raise Fault("the run did not end well; both values stay as they are, and the same line goes on")

    def _early(self, switched: Mapping[str, Kept]) -> dict[str, str]:
        """Those whose value before is still good, for what it has signed."""
        return {
            name: f"what the old value has signed is good for {span(left * 3600)} more"
            for server in self.servers
            for app in server.apps
            for key, days in app.overlapping.items()
            if (name := f"{app.name}/{key}") in switched and (left := days * 24 - switched[name].hours) > 0
        }

    def _held(self, names: Iterable[str]) -> dict[str, str]:
        """Those whose value before somebody still has, once there was time to end."""
        left, began = list(names), time.monotonic()
        while True:
            found = {name: holders for name, holders in self._holders(left) if holders}
            busy = all(any(holder["connections"] for holder in holders) for holders in found.values())
            if not found or time.monotonic() - began > (MOMENT if busy else PATIENCE):
                return {name: ", ".join(map(_holder, holders)) for name, holders in found.items()}
            time.sleep(1)

    def _holders(self, names: Sequence[str]) -> Iterator[tuple[str, Json]]:
        entries = self.store.entries()
        for server, own in self._by_server(names):
            queries = [_old(server, name, entries[name]) for name in own]
            with logged_in(server) as box:
                yield from zip(own, box.ask_in_private("holders", queries), strict=True)

    def _tried(self, kept: Mapping[str, Kept]) -> dict[str, str]:
        """Try what has to open by now, and what no more. Returns why those wait that others than the box decide on.

        Raises Fault where an old value opens, or a new one does not.
        """
        waiting: dict[str, str] = {}
        for server, own in self._by_server(kept):
            tried = list(_trials(server, {name: kept[name] for name in own}))
            with logged_in(server) as box:
                said = box.ask_in_private("trial", [query for _, _, query in tried])
            for (name, opens, query), refusal in zip(tried, said, strict=True):
                if opens != (not refusal):
                    if "elsewhere" not in query:
                        raise Fault(f"{name}: {_here(opens, refusal)}; the same line tries again")
                    waiting[name] = _elsewhere(query, opens, refusal)
        return waiting

    def _by_server(self, names: Iterable[str]) -> Iterator[tuple[Server, list[str]]]:
        for server in self.servers:
            known = secrets_of([server])
            if own := [name for name in names if name in known]:
                yield server, own


def _old(server: Server, name: str, kept: Kept) -> Json:
    """The value before, as `onbox/holders.py` looks for it."""
    assert kept.other
    opens, variable = trials(server, name, kept.turn - 1), name.partition("/")[2]
    # until it is closed what is live has it as the one before, and that is right
    variables = [] if opens else [variable, *([f"{variable}_PREVIOUS"] if kept.phase == "closed" else [])]
    login = opens[0].get("login") if opens else None
    return {"value": kept.other.value, "variables": variables, "login": login}


def _trials(server: Server, rotated: Mapping[str, Kept]) -> Iterator[tuple[str, bool, Json]]:
    """Each value to try, with whether it has to open: first the new ones, so that a refusal means what it says."""
    for name, kept in rotated.items():
        for opens, login in ((True, kept.logins[-1]), (False, kept.refused)):
            if login:
                yield from ((name, opens, {**query, "value": login[1]}) for query in trials(server, name, login[0]))


def _here(opens: bool, refusal: str) -> str:
    return f"the new value opens nothing ({refusal})" if opens else "the old value still opens it"


def _elsewhere(query: Json, opens: bool, refusal: str) -> str:
    """What is to be done where others than the box decide which key opens what they keep."""
    host, key = query["elsewhere"], public_of(query["value"])
    if opens:
        return f"{host} does not take the new key ({refusal}); add it there, {query['use']}: {key}"
    return f"{host} still takes the old key; remove it there: {key}"


def _holder(found: Json) -> str:
    """Who still has an old value, and for how long at most."""
    if found["seconds"] is None:
        return f"{found['who']} still has the old value"
    return (
        f"{found['who']} serves {found['connections']} open connections with it, for {span(found['seconds'])} at most"
    )
