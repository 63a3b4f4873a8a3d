"""The plans that providers rent out: data with its date in roles/data/plans.json, never in code."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from roles import ROOT

FILE = ROOT / "roles" / "data" / "plans.json"


class Plan(BaseModel):
    """A box that can be rented by the month."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str = Field(min_length=1)
    plan: str = Field(min_length=1)
    cpus: int | None = Field(ge=1)
    """None where the document that the plan is from does not say."""
    ram_mb: int = Field(ge=256)
    disk_gb: int = Field(ge=1)
    price: Decimal = Field(gt=0, decimal_places=2)
    currency: str = Field(pattern="^[A-Z]{3}$")
    date: str = Field(pattern=r"^20\d\d-(0[1-9]|1[0-2])(-([0-2]\d|3[01]))?$")
    """Of the document; a month where it gives no day."""

    @property
    def title(self) -> str:
        return f"{self.provider} {self.plan}"

    @property
    def cost(self) -> str:
        return f"{self.currency} {self.price:.2f}"


@functools.cache
def table() -> tuple[Plan, ...]:
    """All plans, by provider and size."""
    return tuple(Plan(**plan) for plan in json.loads(FILE.read_text())["plans"])


def cheapest(plans: Iterable[Plan]) -> list[Plan]:
    """The cheapest of them in each currency: what one is worth in another changes by the day. Of equals the biggest."""
    ranked = sorted(plans, key=lambda plan: (plan.price, -plan.ram_mb, -plan.disk_gb, plan.title))
    return list({plan.currency: plan for plan in reversed(ranked)}.values())[::-1]
