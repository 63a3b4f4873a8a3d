"""The image of a target: on a pulled base where a registry answers, else on one made by debootstrap."""

import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import docker
from docker import DockerClient
from docker.errors import APIError, BuildError, DockerException, ImageNotFound
from requests import RequestException

from roles import Fault
from target import LABEL, debootstrap
from target.recipe import Recipe, recipe
from target.root import only_one

Progress = Callable[[str], None]

_REPOSITORY = "boxkeeper/target"
_PREFERRED = ("ubuntu:24.04", "debian:13")
_PROBE_SECONDS = 5


def image(client: DockerClient, distro: str = "", progress: Progress = lambda line: None) -> str:
    """The tag of a target's image of `distro` ("ubuntu:24.04", "debian:13", ...), built first where missing.

    Without a distro: Ubuntu 24.04 where a registry answers, else Debian 13. A tag is bound to its recipe, so
    a changed recipe is built and an unchanged one reused. Raises Fault.
    """
    with only_one("image"):
        plans = [plan for name in ([distro] if distro else _PREFERRED) for plan in _plans(name)]
        for plan in plans:
            if _has(client, plan.tag):
                return plan.tag
        for plan in plans:
            if _obtained(client, plan, progress):
                progress(f"building the target's image of {plan.distro} (about 20 s, once)")
                return _built(client, plan)
    raise Fault(f"no registry offers {distro}, and without one only {' and '.join(debootstrap.SUITES)} can be made")


@dataclass(frozen=True)
class _Plan:
    distro: str
    base: str
    recipe: Recipe

    @property
    def tag(self) -> str:
        return f"{_REPOSITORY}:{self.distro.replace(':', '-')}-{self.recipe.hash()}"


def _plans(distro: str) -> Iterator[_Plan]:
    bases = [distro] + ([debootstrap.tag(distro)] if distro in debootstrap.SUITES else [])
    return (_Plan(distro, base, recipe(base)) for base in bases)


def _obtained(client: DockerClient, plan: _Plan, progress: Progress) -> bool:
    if _has(client, plan.base):
        return True
    if plan.base != plan.distro:
        progress(f"making a base of {plan.distro} by debootstrap (about a minute, once)")
        debootstrap.make(client, plan.distro)
        return True
    if not _offered(plan.base):
        return False
    progress(f"pulling {plan.base}")
    client.images.pull(plan.base)
    return True


def _has(client: DockerClient, tag: str) -> bool:
    try:
        client.images.get(tag)
    except ImageNotFound:
        return False
    return True


def _offered(name: str) -> bool:
    # The engine asks, not we: its own proxy and mirror settings decide what can be pulled.
    try:
        docker.from_env(timeout=_PROBE_SECONDS).images.get_registry_data(name)
    except (DockerException, RequestException):
        return False
    return True


def _built(client: DockerClient, plan: _Plan) -> str:
    # Docker gives the tag after the last step: a build cut off leaves no tag, and `forcerm` no container.
    try:
        client.images.build(
            fileobj=io.BytesIO(plan.recipe.context()),
            custom_context=True,
            encoding="gzip",
            buildargs=dict(plan.recipe.arguments),
            labels={LABEL: "image"},
            tag=plan.tag,
            forcerm=True,
        )
    except BuildError as error:
        lines = "".join(str(line.get("stream", "")) for line in error.build_log).strip().splitlines()
        last = " / ".join(lines[-3:])
        raise Fault(f"the target's image does not build: {error.msg}: {last}") from error
    except APIError as error:
        raise Fault(f"the target's image does not build: {error}") from error
    _drop_older(client, plan)
    return plan.tag


def _drop_older(client: DockerClient, plan: _Plan) -> None:
    alike = plan.tag.removesuffix(plan.recipe.hash())
    for tag in [tag for image in client.images.list(_REPOSITORY) for tag in image.tags]:
        if tag.startswith(alike) and tag != plan.tag:
            with suppress(APIError):  # a target runs on it
                client.images.remove(tag)
