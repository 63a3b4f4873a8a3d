"""PostgreSQL's settings for a box of a given size, where it shares the box with the apps that use it."""

from __future__ import annotations

from collections.abc import Mapping

SIZES = (512, 1024, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768, 49152, 65536, 98304, 131072, 262144)
CONNECTIONS = {512: 40, 1024: 60, 2048: 100, 4096: 150, 8192: 200}
SPARE = 10
"""Connections that no app gets: the superuser's, backups, monitoring."""


def nominal(ram_mb: int) -> int:
    """The size a box is sold as, in MB: what is seen is a few percent less, and differs from kernel to kernel."""
    return max((size for size in SIZES if size <= ram_mb * 1.15), default=SIZES[0])


def connections(ram_mb: int) -> int:
    """How many connections a box can take."""
    return CONNECTIONS[max(size for size in CONNECTIONS if size <= nominal(ram_mb))]


def limit(ram_mb: int, apps: int) -> int:
    """How many connections each app's login may have, so that no app can take those of the others."""
    return max(10, (connections(ram_mb) - SPARE) // max(1, apps))


def memory(ram_mb: int, share: int) -> Mapping[str, str]:
    """Settings that follow from memory, of which Postgres may plan with `share` percent."""
    plan = nominal(ram_mb) * share // 100
    most = connections(ram_mb)
    return {
        "shared_buffers": f"{plan // 4}MB",
        "effective_cache_size": f"{plan}MB",
        # a statement may take it several times over, and not all connections are busy at once
        "work_mem": f"{max(2, plan * 3 // (4 * most))}MB",
        "maintenance_work_mem": f"{min(max(plan // 8, 16), 1024)}MB",
        "max_connections": str(most),
    }


def disk(ram_mb: int, disk_mb: int) -> Mapping[str, str]:
    """Settings of the write-ahead log: room for long checkpoints, but never the disk."""
    most = max(256, min(nominal(ram_mb) // 2, disk_mb // 20, 4096))
    return {
        "max_wal_size": f"{most}MB",
        "min_wal_size": f"{max(80, most // 4)}MB",
        # a reader that went away loses its place instead of filling the disk
        "max_slot_wal_keep_size": f"{max(512, disk_mb // 10)}MB",
        "wal_compression": "on",
        "wal_level": "replica",
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": "0.9",
        # every disk that is rented today is an SSD
        "random_page_cost": "1.1",
        "effective_io_concurrency": "200",
    }


def processors(cpus: int) -> Mapping[str, str]:
    """Settings that follow from processors: one statement leaves half of them to the others."""
    gather = min(cpus // 2, 4)
    return {
        "max_worker_processes": str(max(8, cpus)),
        "max_parallel_workers": str(cpus),
        "max_parallel_workers_per_gather": str(gather),
        "max_parallel_maintenance_workers": str(gather),
        # compiling costs more than it saves on statements of milliseconds, and the unit forbids writable code
        "jit": "off",
    }


def settings(machine: Mapping[str, int], share: int) -> dict[str, str]:
    """All of the above for a machine: `ram_mb`, `cpus`, `disk_mb`."""
    return {
        **memory(machine["ram_mb"], share),
        **disk(machine["ram_mb"], machine["disk_mb"]),
        **processors(machine["cpus"]),
    }
