"""The table of plans is whole, and the cheapest of some is found."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from roles.plans import Plan, cheapest, table

PLAN = table()[0]


def plan(**other: object) -> Plan:
    return Plan(**{**PLAN.model_dump(), **other})


def test_every_provider_of_the_documents_is_there() -> None:
    assert Counter(plan.provider for plan in table()) == {"Hetzner": 2, "Vultr": 2, "Linode": 2, "DigitalOcean": 4}


def test_no_plan_is_there_twice() -> None:
    assert len({plan.title for plan in table()}) == len(table())


def test_the_documents_prices_are_those_of_the_table() -> None:
    prices = {(plan.title, plan.ram_mb, plan.disk_gb): plan.cost for plan in table()}
    assert prices["Hetzner CX11", 2048, 20] == "EUR 3.29"
    assert prices["Vultr Regular", 512, 10] == "USD 2.50"
    assert prices["DigitalOcean CPU-Optimized 16GB", 16384, 50] == "USD 144.00"


def test_more_of_one_provider_costs_more() -> None:
    for one in table():
        for other in table():
            if one.provider == other.provider and one.ram_mb < other.ram_mb:
                assert (one.price, one.disk_gb) <= (other.price, other.disk_gb), (one.title, other.title)


WRONG: dict[str, tuple[object, ...]] = {
    "price": ("0", "cheap", None),
    "currency": ("euro",),
    "date": ("lately", "2025-13"),
    "ram_mb": (0, None),
    "disk_gb": (0, None),
    "provider": ("",),
    "cpus": (0,),
    "colour": ("red",),
}


@pytest.mark.parametrize("wrong", [{name: value} for name, values in WRONG.items() for value in values])
def test_a_plan_that_is_wrong_is_noticed(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        plan(**wrong)


PLANS = st.lists(
    st.builds(
        lambda price, currency, ram: plan(price=price, currency=currency, ram_mb=ram),
        st.decimals(1, 200, places=2),
        st.sampled_from(["EUR", "USD"]),
        st.sampled_from([512, 1024, 2048]),
    ),
    max_size=8,
)


@given(PLANS)
def test_the_cheapest_is_the_cheapest_of_its_currency_and_the_biggest_of_equals(plans: list[Plan]) -> None:
    found = cheapest(plans)
    assert sorted(plan.currency for plan in found) == sorted({plan.currency for plan in plans})
    for best in found:
        others = [plan for plan in plans if plan.currency == best.currency]
        assert best.price == min(plan.price for plan in others)
        assert best.ram_mb == max(plan.ram_mb for plan in others if plan.price == best.price)


def test_prices_are_not_rounded() -> None:
    assert plan(price="5.83").price == Decimal("5.83")
