"""What a server costs, whether it fits, and what is said when it does not. No box needed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roles import budget, clashes
from roles.apps import App, Folder, Frontend, Process
from roles.apps.app import Need
from roles.budget import Bill, Budget, Cost, Size, bill, fitting, listed, megabytes, seen
from roles.nginx import Nginx
from roles.plans import Plan, cheapest, table
from roles.postgres import Postgres
from roles.redis import Redis
from roles.server import Server


class Notes(App):
    title: ClassVar[str] = "Notes"
    needs: ClassVar[frozenset[Need]] = frozenset({"postgres", "redis"})
    frontend: ClassVar[Frontend] = Frontend()
    processes: ClassVar[tuple[Process, ...]] = (Process("web", "a"), Process("work", "b", web=False, typical="200M"))


class Huge(App):
    title: ClassVar[str] = "Huge"
    processes: ClassVar[tuple[Process, ...]] = (Process("web", "a", memory="99G", typical="90G"),)


def app(name: str = "notes", kind: type[App] = Notes, **chosen: Any) -> App:
    return kind(name=name, domain=f"{name}.example.com", source=Folder(path="."), **chosen)


def server(*apps: App, **chosen: Any) -> Server:
    roles = {"postgres": Postgres(), "redis": Redis(), "nginx": Nginx(), **chosen}
    return Server(host="192.0.2.1", apps=apps, **roles)


def found(of: Server, size: Size, taken: bool = False, **other: Any) -> dict[str, Any]:
    """What a box of this size says: bare, with the system only, or with all that is wanted."""
    check = Budget(of)
    there = check.query() if taken else ["/"]
    swap = size.swap_mb or 0
    used = sum(cost.disk_mb for cost in bill(of, size).costs if cost.there in there)
    return {
        "ram_mb": size.ram_mb,
        "swap_mb": swap,
        "disk_mb": size.disk_mb,
        "free_mb": size.disk_mb - used,
        "container": False,
        "there": there,
        **other,
    }


@pytest.mark.parametrize(
    ("size", "mb"),
    [("512M", 512), ("2G", 2048), ("64mb", 64), ("100kb", 1), ("1025K", 2), ("1gb", 1024), ("4096kb", 4)],
)
def test_sizes_of_systemd_and_of_redis_are_read(size: str, mb: int) -> None:
    assert megabytes(size) == mb


@pytest.mark.parametrize("size", ["", "lots", "512", "-1M", "1.5G", "1T", "M"])
def test_what_is_no_size_is_refused(size: str) -> None:
    with pytest.raises(ValueError, match="is no size; write it like `512M`"):
        megabytes(size)


def test_an_app_costs_what_it_works_with_and_not_its_limit() -> None:
    running, build = budget.costs(app())
    assert (running.what, running.ram_mb, running.disk_mb) == ("notes", 128 + 200, 1024)
    assert (build.what, build.ram_mb, build.brief_mb) == ("the build of notes", 0, 512)


def test_an_app_that_is_built_here_costs_the_box_no_npm() -> None:
    assert [cost.brief_mb for cost in budget.costs(app(build_on="here"))] == [0, 150]


def test_everything_that_is_wanted_is_on_the_bill_and_nothing_else() -> None:
    names = [cost.what for cost in bill(server(app()), Size(2000, 20_000)).costs]
    first = ["the system", "updates and journal", "swap", "runtimes and build tools"]
    assert names == [*first, "Postgres", "Redis of notes", "nginx", "notes", "the build of notes"]
    bare = bill(Server(host="192.0.2.1"), Size(2000, 20_000, swap_mb=0))
    assert [cost.what for cost in bare.costs] == ["the system", "updates and journal"]


COSTS = st.builds(
    Cost, st.just("x"), st.integers(0, 9000), st.integers(0, 90_000), st.integers(0, 9000), st.sampled_from(["/a", ""])
)
MANY = st.lists(COSTS, max_size=6)
SIZES = st.builds(Size, st.integers(256, 33_000), st.integers(5000, 200_000), st.integers(0, 4096))


def fits(costs: list[Cost], size: Size) -> bool:
    return not any(Bill(costs, size, size.swap_mb or 0).lacks())


@given(MANY, COSTS, SIZES)
def test_one_more_cost_never_makes_a_bill_smaller_or_fit(costs: list[Cost], one: Cost, size: Size) -> None:
    less, more = Bill(costs, size, 0), Bill([*costs, one], size, 0)
    assert more.ram_mb == less.ram_mb + one.ram_mb
    assert more.disk_mb == less.disk_mb + one.disk_mb
    assert more.brief.brief_mb == max(less.brief.brief_mb, one.brief_mb), "builds follow each other"
    assert more.to_come_mb({"/a"}) <= more.to_come_mb(())
    assert fits(costs, size) or not fits([*costs, one], size)


@given(MANY, SIZES, st.integers(0, 9000), st.integers(0, 90_000), st.integers(0, 4000))
def test_what_fits_a_box_fits_a_bigger_one(costs: list[Cost], size: Size, ram: int, disk: int, swap: int) -> None:
    bigger = Size(size.ram_mb + ram, size.disk_mb + disk, (size.swap_mb or 0) + swap)
    assert fits(costs, bigger) or not fits(costs, size)


@given(st.integers(1, 12), st.sampled_from(["16mb", "64mb", "512mb", "2gb"]), st.sampled_from(["1gb", "9gb", "200gb"]))
def test_a_plan_that_is_named_is_not_refused_once_it_is_rented(apps: int, redis: str, disk: str) -> None:
    wanted = server(*(app(f"app{number}", redis_memory=redis, disk=disk) for number in range(apps)))
    for plan in fitting(wanted):
        assert Budget(wanted).refuse(found(wanted, seen(plan))) == [], plan.title
        assert Budget(wanted).refuse(found(wanted, seen(plan), taken=True)) == [], plan.title


@given(st.integers(1, 8), st.sampled_from(["1gb", "4gb", "9gb"]), st.integers(0, 100_000))
def test_what_is_there_is_not_asked_for_again(apps: int, disk: str, free: int) -> None:
    wanted = server(*(app(f"app{number}", disk=disk) for number in range(apps)))
    box = found(wanted, Size(16_000, 200_000, 0), taken=True, free_mb=free)
    assert Budget(wanted).refuse(box) == [], "however full it has become since"


def test_on_a_box_with_one_app_only_the_other_is_to_come() -> None:
    wanted = server(app(), app("second", disk="9gb"))
    box = found(wanted, Size(4000, 40_000, 0), taken=True)
    box = {**box, "there": [path for path in box["there"] if path != "/srv/second/current"]}
    assert Budget(wanted).refuse({**box, "free_mb": 9 * 1024}) == []
    (said,) = Budget(wanted).refuse({**box, "free_mb": 9 * 1024 - 1})
    assert said.startswith("this box has 9.0 GB of free disk, and 9.0 GB more are needed (second 9.0 GB): make room")


def test_an_app_too_big_for_every_plan_is_refused_in_one_line() -> None:
    wanted = server(app(disk="200gb"))
    (said,) = Budget(wanted).refuse(found(wanted, Size(3900, 38_000, 0)))
    assert said.startswith("this box has 37.1 GB of disk, and 205")
    assert "(notes 200.0 GB, the system 2.4 GB, " in said
    assert said.endswith(": no plan of `boxkeeper plans` fits; or write a smaller `disk` for notes")
    assert "\n" not in said


def test_memory_and_disk_are_said_together_with_the_cheapest_plan() -> None:
    wanted = server(app(redis_memory="1gb", disk="12gb"))
    (said,) = Budget(wanted).refuse(found(wanted, Size(960, 9400)))
    memory = "this box has 960 MB of memory and 960 MB of swap, and what runs takes 1.7 GB (Redis of notes 1.0 GB, "
    assert said.startswith(memory)
    assert "; it has 9.2 GB of disk, and 1" in said
    named = cheapest(fitting(wanted))
    assert {plan.currency for plan in named} == {"EUR", "USD"}
    assert all(f"{plan.title} ({plan.cost} a month)" in said for plan in named)
    assert said.endswith("or write a smaller `redis_memory` for notes and a smaller `disk` for notes")


def test_a_build_that_does_not_fit_can_be_made_here() -> None:
    size = Size(600, 30_000, 0)
    tight = Server(host="192.0.2.1", apps=(app(),))
    (said,) = Budget(tight).refuse(found(tight, size, container=True))
    assert "the build of notes takes 512 MB for a while, and what runs 508 MB" in said
    assert said.endswith('or write `build_on="here"` for notes')
    here = Server(host="192.0.2.1", apps=(app(build_on="here"),))
    assert Budget(here).refuse(found(here, Size(710, 30_000, 0), container=True)) == []


def test_a_build_may_take_what_the_kernel_can_read_again() -> None:
    model, build = Cost("model", ram_mb=900, mapped_mb=700), Cost("build", brief_mb=500)
    assert list(Bill([model, build], Size(1000, 9999), 0).lacks()) == []
    assert list(Bill([replace(model, mapped_mb=300), build], Size(1000, 9999), 0).lacks()) != []
    assert list(Bill([replace(model, ram_mb=1001), build], Size(1000, 9999), 0).lacks()) != [], (
        "what works does not wait"
    )


def test_swap_lets_a_small_box_build_and_sleep_but_not_work() -> None:
    costs = [Cost("a", ram_mb=1000, brief_mb=500)]
    assert fits(costs, Size(1000, 10_000, 500))
    assert not fits(costs, Size(1000, 10_000, 499)), "a build has it"
    assert fits(costs, Size(800, 10_000, 2000)), "a quarter may sleep"
    assert not fits(costs, Size(799, 10_000, 16_000)), "a model in swap is no model"


def test_a_container_is_not_counted_on_to_make_swap() -> None:
    wanted = server(app())
    assert Budget(wanted).refuse(found(wanted, Size(960, 40_000))) == []
    assert "and 960 MB of swap" not in Budget(wanted).refuse(found(wanted, Size(960, 40_000), container=True))[0]


def test_a_box_that_is_roomy_is_not_warned_about() -> None:
    wanted = server(app())
    assert Budget(wanted).warn(found(wanted, Size(3900, 38_000, 0))) == []


def test_a_box_that_is_tight_is_warned_about_and_not_refused() -> None:
    wanted = server(app())
    box = found(wanted, Size(900, 38_000))
    box["free_mb"] = bill(wanted, Size(900, 38_000)).to_come_mb(["/"]) + 3800 - 1
    assert Budget(wanted).refuse(box) == []
    memory, disk = Budget(wanted).warn(box)
    assert memory.startswith("what runs takes 808 MB of its 900 MB of memory (notes 328 MB, ")
    assert disk == "3.7 GB of its 37.1 GB of disk stay free"
    assert len(Budget(wanted).warn({**box, "free_mb": box["free_mb"] + 1})) == 1


def test_a_box_that_filled_up_is_warned_about() -> None:
    wanted = server(app())
    (said,) = Budget(wanted).warn(found(wanted, Size(3900, 38_000, 0), taken=True, free_mb=100))
    assert said == "100 MB of its 37.1 GB of disk stay free"


def test_only_what_would_help_is_told_to_be_written() -> None:
    def less(wanted: Server) -> str:
        (said,) = Budget(wanted).refuse(found(wanted, Size(2000, 40_000, 0)))
        return said.rpartition(": ")[2].partition("; or write ")[2]

    assert less(server(app(redis_memory="2gb"))) == "a smaller `redis_memory` for notes"
    assert less(server(app(disk="90gb"))) == "a smaller `disk` for notes"
    both = "a smaller `redis_memory` for notes and a smaller `disk` for notes"
    assert less(server(app(redis_memory="2gb", disk="90gb"))) == both
    assert less(server(app(disk="90gb"), app("huge", kind=Huge))) == "", "half of it does not help"
    assert less(server(*(app(f"app{number}") for number in range(20)))) == "", "no single one is to blame"


def test_many_small_costs_are_said_as_one() -> None:
    costs = [Cost(f"app{number}", ram_mb=number) for number in range(1, 9)]
    assert listed(costs, "ram_mb") == "app8 8 MB, app7 7 MB, app6 6 MB, app5 5 MB, 4 more 10 MB"
    assert listed(costs[:5], "ram_mb").endswith("app2 2 MB, app1 1 MB")


def test_postgres_on_a_bigger_box_takes_more_of_it() -> None:
    small, big = (next(Postgres().costs([app()], Size(ram, 40_000))) for ram in (960, 7900))
    assert (small.ram_mb, big.ram_mb) == (128 + 80, 1024 + 80)
    assert next(Postgres(share=10).costs([app()], Size(7900, 40_000))).ram_mb == 204 + 80
    assert (small.disk_mb, big.disk_mb) == (400 + 128, 400 + 500), "its log follows the disk"


@pytest.mark.parametrize("plan", table(), ids=lambda plan: str(plan.title))
def test_what_fits_a_plan_fits_a_plan_with_twice_of_everything(plan: Plan) -> None:
    twice = plan.model_copy(update={"ram_mb": 2 * plan.ram_mb, "disk_gb": 2 * plan.disk_gb})
    for redis in ("16mb", "64mb", "256mb", "1gb", "4gb"):
        wanted = server(app(redis_memory=redis), postgres=Postgres(share=90))
        if not any(bill(wanted, seen(plan)).lacks()):
            assert not any(bill(wanted, seen(twice)).lacks())


@pytest.mark.parametrize(
    ("process", "said"),
    [
        (Process("web", "a", memory="lots"), "notes: web: 'lots' is no size; write it like `512M`"),
        (
            Process("web", "a", typical="1G"),
            'notes: web works with 1G and is stopped at 512M: write e.g. `memory="2048M"`',
        ),
    ],
)
def test_a_process_that_could_not_work_is_a_clash(process: Process, said: str) -> None:
    class Wrong(Notes):
        processes = (process,)

    (clash,) = budget.clashes([app(kind=Wrong)])
    assert clash.startswith(said)
    assert list(budget.clashes([app()])) == []
    assert clash in list(clashes.within(server(app(kind=Wrong)))), "before any connection"
