"""The one operation and the one fact that Boxkeeper adds to pyinfra.

`converge` knows all that the roles want before it asks anything. One exec asks the box about all of it; every
operation answers from that snapshot until one of them changes something, and only then the box is asked afresh. A run
that changes nothing costs one exec, however many roles there are.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, runtime_checkable
from weakref import WeakKeyDictionary, WeakSet

import click
from pyinfra import host, inventory, state
from pyinfra.api import FactBase, FunctionCommand, Host, StringCommand, operation
from pyinfra.api.command import PyinfraCommand

from roles import program
from roles.budget import Budget
from roles.checks import TIGHT, Check
from roles.confirmed import SECONDS, Confirmed, new_login
from roles.order import plan
from roles.program import STALE, answered, full_question, question
from roles.resources import Forgiving, Json, Refusing, Resource

if TYPE_CHECKING:
    from roles.server import Server


def converge(*roles: Any) -> None:
    """Make the box what the roles want, in their order. Each role is a module with `wanted(server)`."""
    boxes = [box.data.server for box in inventory.get_active_hosts()]
    asked = (role for role in roles if isinstance(role, Asked))
    if objections := [objection for role in asked for objection in role.objections(boxes)]:
        _end(objections)
    plans = {box: _plan_once(box, roles) for box in inventory.get_active_hosts()}
    mine = plans[_key(host)]
    snapshot = _SNAPSHOTS[_key(host)] = Snapshot(list(mine.values()), [Budget(host.data.server)])
    settled = snapshot.settled() if _answers(snapshot) else 0
    labels = list(mine)
    if settled:
        ensure([mine[label] for label in labels[:settled]], name=_all_of(labels[:settled]))
    # One order for all boxes, so that operations line up and labels never mix: see pyinfra's own `host.loop`.
    for label in host.loop(list(dict.fromkeys(label for one in plans.values() for label in one))):
        if label in labels[settled:]:
            ensure([mine[label]], name=label, _ignore_errors=isinstance(mine[label], Forgiving))


def _answers(snapshot: Snapshot) -> bool:
    """Ask the box. Others are asked beside it, each by its own greenlet."""
    box = _key(host)
    _ASKED.add(box)
    try:
        return snapshot.take()
    finally:
        _ASKED.discard(box)


def _all_of(labels: Sequence[str]) -> str:
    """What the operation is called that looks after everything that was found as wanted, up to the first difference."""
    roles = dict.fromkeys(label.partition(":")[0] for label in labels)
    return f"{', '.join(roles)}: {len(labels)} things"


def _plan_once(box: Host, roles: Sequence[Any]) -> dict[str, Resource]:
    """A box's plan, worked out once a run: every box asks for the labels of all."""
    names = tuple(role.__name__.rpartition(".")[2] for role in roles)
    plans = _PLANS.setdefault(box, {})
    if names not in plans:
        plans[names] = dict(plan(box.data.server, roles))
    return plans[names]


def _ensure(resources: Sequence[Resource]) -> Generator[PyinfraCommand, None, None]:
    """Compare resources with the box and send what differs. Secrets travel on standard input only.

    An operation costs pyinfra 3 ms whatever it does, so those that have nothing to do share one.
    """
    snapshot = _SNAPSHOTS[_key(host)]
    for resource in resources:
        if not snapshot.take(_ignore_errors=True):
            yield FunctionCommand(_give_up, (), {})
            return
        yield from _make_so(resource, snapshot)


def _make_so(resource: Resource, snapshot: Snapshot) -> Generator[PyinfraCommand, None, None]:
    found = snapshot.found(resource)
    differences = resource.differences(found)
    if not differences:
        return
    if state.is_executing or state.config.DIFF:
        for line in _short(differences):
            host.log(line)
    # pyinfra asks once to see whether there is anything to do, and again to do it: an app may be built in between.
    payload = resource.payload(found) if state.is_executing else None
    snapshot.forget()  # before it: of a step that fails pyinfra asks nothing more
    yield program.program((resource.kind,), {"apply": resource.kind, "payload": payload})
    if isinstance(resource, Confirmed):
        yield FunctionCommand(_confirm, (resource,), {})


# pyinfra's own type of an operation does not know the arguments that every operation takes, such as `name`.
ensure: Any = operation()(_ensure)


def _give_up(state: Any, host: Any) -> bool:
    """The box did not answer; pyinfra has said why. Fails the operation without the traceback of a failed fact."""
    return False


def _confirm(state: Any, host: Any, resource: Confirmed) -> bool:
    """Keep a change when a new login comes through; else take it back, over the connection that is still there."""
    reason = new_login(state, host, resource.login)
    verb, payload = ("revert", resource.name) if reason else ("confirm", resource.confirmation())
    done, output = host.run_shell_command(
        program.program((resource.kind,), {"apply": resource.kind, "verb": verb, "payload": payload})
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

    def __init__(self, resources: Sequence[Resource], checks: Sequence[Check] = ()) -> None:
        """`checks` are asked in the same exec and change nothing, so that they are no operations."""
        self._resources = resources
        self._checks = checks
        self._found: dict[int, Json] | None = None

    def take(self, _ignore_errors: bool = False) -> bool:
        """Ask the box, unless what it said last still holds. Returns whether it answered."""
        if self._found is None:
            everything: list[Resource | Check] = [*self._resources, *self._checks]
            asked = [(wanted.kind, wanted.query()) for wanted in everything]
            answers = host.get_fact(Observed, Query(asked, question), _ignore_errors=_ignore_errors)
            if answers == STALE:
                answers = host.get_fact(Observed, Query(asked, full_question), _ignore_errors=_ignore_errors)
            if answers is None:
                return False
            self._found = {id(wanted): found for wanted, found in zip(everything, answers, strict=True)}
        return True

    def settled(self) -> int:
        """How many resources, from the first on, are as wanted. A box not to be touched ends the run with code 2."""
        everything: list[Resource | Check] = [*self._resources, *self._checks]
        refusing = ((one, self.found(one)) for one in everything)
        refusals = [reason for one, found in refusing if isinstance(one, Refusing) for reason in one.refuse(found)]
        if refusals:
            _end([f"{host.name}: {reason}" for reason in refusals])
        for warning in (warning for check in self._checks for warning in check.warn(self.found(check))):
            click.echo(f"--> {host.name}: {TIGHT} {warning}", err=True)
        differing = (number for number, wanted in enumerate(self._resources) if wanted.differences(self.found(wanted)))
        return next(differing, len(self._resources))

    def found(self, asked: Resource | Check) -> Json:
        """What the box said to this resource or check. Call `take` first."""
        assert self._found is not None
        return self._found[id(asked)]

    def forget(self) -> None:
        """Something was changed: whatever is asked next is asked of the box."""
        self._found = None


_SNAPSHOTS: WeakKeyDictionary[Host, Snapshot] = WeakKeyDictionary()
_PLANS: WeakKeyDictionary[Host, dict[tuple[str, ...], dict[str, Resource]]] = WeakKeyDictionary()
_ASKED: WeakSet[Host] = WeakSet()
"""Boxes that are being asked at this moment."""


def _key(proxy: Any) -> Host:
    """The host behind pyinfra's context object."""
    found: Host = inventory.get_host(proxy.name)
    return found


def _end(reasons: Sequence[str]) -> NoReturn:
    """Say why nothing is to be touched, let the others that are being asked say theirs, and end with code 2."""
    for reason in reasons:
        click.echo(f"--> {reason}", err=True)
    while _ASKED:
        time.sleep(0.01)
    click.echo("nothing was changed", err=True)
    sys.exit(2)  # like any wrong input; pyinfra would end a Fault with 1


@runtime_checkable
class Asked(Protocol):
    """A role that somebody asks for by words of their own, which may be wrong."""

    def objections(self, servers: Sequence[Server]) -> Iterable[str]:
        """What is wrong with the words, given the boxes that the run is about."""
        ...


class Query:
    """The argument of `Observed`. pyinfra prints a fact's arguments when it fails: this one stays short."""

    def __init__(
        self, asked: Sequence[tuple[str, Json]], by: Callable[[Sequence[tuple[str, Json]]], StringCommand]
    ) -> None:
        self.asked = asked
        self.by = by

    def __repr__(self) -> str:
        return f"{len(self.asked)} resources"


class Observed(FactBase[Any]):
    """What the box has of everything a run wants, in one exec."""

    def command(self, query: Query) -> StringCommand:
        return query.by(query.asked)

    def process(self, output: list[str]) -> Json:
        return STALE if output[-1] == STALE else answered(output[-1])
