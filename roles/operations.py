"""The one operation and the one fact that Boxkeeper adds to pyinfra.

`converge` knows all that the roles want before it asks anything. One exec asks the box about all of it; every
operation answers from that snapshot until one of them changes something, and only then the box is asked afresh. A run
that changes nothing costs one exec, however many roles there are.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import zlib
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from pyinfra import host, inventory, state
from pyinfra.api import FactBase, FunctionCommand, Host, StringCommand, operation
from pyinfra.api.command import PyinfraCommand, QuoteString

from roles import ROOT, Fault
from roles.confirmed import SECONDS, Confirmed, new_login
from roles.resources import Json, Refusing, Resource

if TYPE_CHECKING:
    from roles.server import Server

Role = tuple[str, Callable[["Server"], Iterable[Resource]]]


def converge(*roles: Any) -> None:
    """Make the box what the roles want, in their order. Each role is a module with `wanted(server)`."""
    names = [role.__name__.rpartition(".")[2] for role in roles]
    plans = {box: _plan(roles, names, box.data.server) for box in inventory.get_active_hosts()}
    snapshot = _SNAPSHOTS[_key(host)] = Snapshot(list(plans[_key(host)].values()))
    if snapshot.take():
        snapshot.refuse()
    # One order for all boxes, so that operations line up and labels never mix: see pyinfra's own `host.loop`.
    for label in host.loop(list(dict.fromkeys(label for plan in plans.values() for label in plan))):
        resource = plans[_key(host)].get(label)
        if resource is not None:
            ensure(resource, name=label)


def _plan(roles: Sequence[Any], names: Sequence[str], server: Server) -> dict[str, Resource]:
    wanted = [(name, resource) for name, role in zip(names, roles, strict=True) for resource in role.wanted(server)]
    return {f"{name}: {resource.name}": resource for name, resource in wanted}


def _ensure(resource: Resource) -> Generator[PyinfraCommand, None, None]:
    """Compare one resource with the box and send what differs. Secrets travel on standard input only."""
    snapshot = _SNAPSHOTS[_key(host)]
    if not snapshot.take(_ignore_errors=True):
        yield FunctionCommand(_give_up, (), {})
        return
    found = snapshot.found(resource)
    differences = resource.differences(found)
    if not differences:
        host.noop("as wanted")
        return
    if state.is_executing or state.config.DIFF:
        for line in _short(differences):
            host.log(line)
    request = {"apply": resource.kind, "payload": resource.payload(found)}
    yield program((resource.kind,), request)
    if isinstance(resource, Confirmed):
        yield FunctionCommand(_confirm, (resource,), {})
    snapshot.forget()


# pyinfra's own type of an operation does not know the arguments that every operation takes, such as `name`.
ensure: Any = operation()(_ensure)


def _give_up(state: Any, host: Any) -> bool:
    """The box did not answer; pyinfra has said why. Fails the operation without the traceback of a failed fact."""
    return False


def _confirm(state: Any, host: Any, resource: Confirmed) -> bool:
    """Keep a change when a new login comes through; else take it back, over the connection that is still there."""
    reason = new_login(state, host)
    verb, payload = ("revert", resource.name) if reason else ("confirm", resource.confirmation())
    done, output = host.run_shell_command(
        program((resource.kind,), {"apply": resource.kind, "verb": verb, "payload": payload})
    )
    if reason:
        back = "is taken back" if done else f"will be taken back by the box within {SECONDS} s"
        host.log_styled(f"{resource.name}: the change {back}, because a new login failed: {reason}", fg="red")
    elif not done:
        host.log_styled(output.stderr, fg="red")
    return bool(done and not reason)


def _short(lines: Sequence[str], most: int = 6) -> list[str]:
    return [*lines[:most], *([f"and {len(lines) - most} more"] if len(lines) > most else [])]


class Snapshot:
    """What one box was found to have of what it should have."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self._resources = resources
        self._found: dict[int, Json] | None = None

    def take(self, _ignore_errors: bool = False) -> bool:
        """Ask the box, unless what it said last still holds. Returns whether it answered."""
        if self._found is None:
            asked = [(wanted.kind, wanted.query()) for wanted in self._resources]
            answers = host.get_fact(Observed, Query(asked), _ignore_errors=_ignore_errors)
            if answers is None:
                return False
            self._found = {id(wanted): found for wanted, found in zip(self._resources, answers, strict=True)}
        return True

    def refuse(self) -> None:
        """Raise Fault when a resource says that this box must not be touched."""
        refusing = [resource for resource in self._resources if isinstance(resource, Refusing)]
        reasons = [reason for resource in refusing for reason in resource.refuse(self.found(resource))]
        if reasons:
            raise Fault(f"{host.name}: {'; '.join(reasons)}; nothing was changed")

    def found(self, resource: Resource) -> Json:
        """What the box has of this resource. Call `take` first."""
        assert self._found is not None
        return self._found[id(resource)]

    def forget(self) -> None:
        """Something was changed: whatever is asked next is asked of the box."""
        self._found = None


_SNAPSHOTS: WeakKeyDictionary[Host, Snapshot] = WeakKeyDictionary()


def _key(proxy: Any) -> Host:
    """The host behind pyinfra's context object."""
    found: Host = inventory.get_host(proxy.name)
    return found


class Query:
    """The argument of `Observed`. pyinfra prints a fact's arguments when it fails: this one stays short."""

    def __init__(self, asked: Sequence[tuple[str, Json]]) -> None:
        self.asked = asked

    def __repr__(self) -> str:
        return f"{len(self.asked)} resources"


class Observed(FactBase[Any]):
    """What the box has of everything a run wants, in one exec."""

    def command(self, query: Query) -> StringCommand:
        return program(sorted({kind for kind, _ in query.asked}), {"observe": query.asked})

    def process(self, output: list[str]) -> Json:
        return json.loads(zlib.decompress(base64.b64decode(output[-1])))


_LOADER = (
    "import sys,hashlib,zlib,base64,json;"
    "sys.version_info<(3,10) and sys.exit('this box has Python %d.%d, Boxkeeper takes 3.10: use Ubuntu 22.04 or later, "
    "or Debian 12 or later; nothing was changed'%sys.version_info[:2]);"
    "d=sys.stdin.buffer.read().strip();"
    "hashlib.sha256(d).hexdigest()==sys.argv[1] or sys.exit('the upload was cut off; nothing was changed');"
    "r=json.loads(zlib.decompress(base64.b64decode(d)));"
    "m={'__name__':'program'};exec(r['sources']['program'],m);m['main'](r)"
)


def program(kinds: Sequence[str], request: dict[str, Json]) -> StringCommand:
    """An exec that runs the programs of these kinds on the box.

    Program and request arrive on standard input and run only if their hash is the one in the argument: a connection
    cut off in the middle of an upload reads as a complete, shorter input, and must change nothing.
    """
    sources = {name: _source(name) for name in _with_imports(tuple(kinds))}
    sent = base64.b64encode(zlib.compress(json.dumps({"sources": sources, **request}).encode(), 6)).decode()
    checksum = hashlib.sha256(sent.encode()).hexdigest()
    return StringCommand("python3", "-I", "-c", QuoteString(_LOADER), checksum, _stdin=[sent])


@functools.cache
def _with_imports(kinds: tuple[str, ...]) -> tuple[str, ...]:
    """The modules of `onbox/` that these kinds need, themselves included."""
    needed, waiting = ["program", "shell"], list(kinds)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.append(name)
            lines = [line.split() for line in _source(name).splitlines() if line.startswith("from onbox")]
            waiting += [line[1].partition(".")[2] for line in lines if "." in line[1]]
            waiting += [word.strip(",") for line in lines if line[1] == "onbox" for word in line[3:]]
    return tuple(sorted(needed))


@functools.cache
def _source(name: str) -> str:
    return (ROOT / "onbox" / f"{name}.py").read_text()
