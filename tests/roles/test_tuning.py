"""PostgreSQL's settings on boxes of the sizes that are rented."""

from __future__ import annotations

import pytest

from roles import tuning

# What /proc/meminfo shows on boxes that are sold as 512 MB, 1, 2 and 8 GB.
SEEN = {"512 MB": 458, "1 GB": 961, "2 GB": 1967, "8 GB": 7941}
TABLE = {
    #         buffers  cache     work    upkeep   logins  wal       gather
    "512 MB": ("64MB", "256MB", "4MB", "32MB", "40", "256MB", "0"),
    "1 GB": ("128MB", "512MB", "6MB", "64MB", "60", "512MB", "0"),
    "2 GB": ("256MB", "1024MB", "7MB", "128MB", "100", "1024MB", "1"),
    "8 GB": ("1024MB", "4096MB", "15MB", "512MB", "200", "4000MB", "2"),
}
CPUS = {"512 MB": 1, "1 GB": 1, "2 GB": 2, "8 GB": 4}
DISK = {"512 MB": 10_000, "1 GB": 25_000, "2 GB": 40_000, "8 GB": 80_000}
NAMES = (
    "shared_buffers",
    "effective_cache_size",
    "work_mem",
    "maintenance_work_mem",
    "max_connections",
    "max_wal_size",
    "max_parallel_workers_per_gather",
)


@pytest.mark.parametrize("size", TABLE)
def test_settings_fit_the_box(size: str) -> None:
    machine = {"ram_mb": SEEN[size], "cpus": CPUS[size], "disk_mb": DISK[size]}
    settings = tuning.settings(machine, share=50)
    assert tuple(settings[name] for name in NAMES) == TABLE[size]


@pytest.mark.parametrize("ram_mb", [400, 458, 961, 1967, 3900, 7941, 15_800, 64_200, 257_000])
@pytest.mark.parametrize("share", [10, 50, 90])
def test_buffers_never_take_more_than_a_quarter_of_the_memory(ram_mb: int, share: int) -> None:
    settings = tuning.memory(ram_mb, share)
    assert int(settings["shared_buffers"].removesuffix("MB")) <= tuning.nominal(ram_mb) * share // 400
    # the least that PostgreSQL starts with is 128 kB
    assert int(settings["shared_buffers"].removesuffix("MB")) >= 12


def test_a_few_megabytes_more_or_less_change_nothing() -> None:
    for ram_mb in SEEN.values():
        machines = [{"ram_mb": ram_mb + drift, "cpus": 2, "disk_mb": 40_000} for drift in (-20, 0, 20)]
        assert len({tuple(tuning.settings(machine, 50).items()) for machine in machines}) == 1


@pytest.mark.parametrize("size", SEEN)
@pytest.mark.parametrize("apps", [1, 2, 5])
def test_the_logins_of_all_apps_leave_connections_for_us(size: str, apps: int) -> None:
    limit = tuning.limit(SEEN[size], apps)
    assert limit >= 10
    if size != "512 MB" or apps < 5:
        assert limit * apps <= tuning.connections(SEEN[size]) - tuning.SPARE or limit == 10
