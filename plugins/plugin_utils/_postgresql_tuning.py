# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Settings of PostgreSQL from memory, cores and connections.

The shares are those of PGTune's "web" profile (https://pgtune.leopard.in.ua, src/features/configuration of le0pard/pgtune),
which follow the chapter "Resource Consumption" of PostgreSQL's manual: a quarter of the memory for shared buffers, and
so much for sorts that all connections together do not use more than there is. docs/data.md has the rule as a table.
"""

from __future__ import annotations

from typing import Any

# What the kernel counts as total memory shifts by a few MB between kernels. A restart is not worth that.
STEP_MB = 64
LEAST_MB = 256
DISKS = {"ssd": (1.1, 200), "hdd": (4, 2)}
# PostgreSQL's own default, which has to be the same on a replica, whatever its cores.
WORKERS = 8


def tuning(
    memory_mb: int, cores: int, max_connections: int, version: int, storage: str = "ssd"
) -> dict[str, Any]:
    if memory_mb < LEAST_MB:
        raise ValueError(
            f"{memory_mb} MB are too few for PostgreSQL, which takes {LEAST_MB} MB at the least; "
            "raise postgresql_memory_mb or use a larger host"
        )
    memory = memory_mb // STEP_MB * STEP_MB
    shared = memory // 4
    sorts = (memory - shared) * 1024 // ((max_connections + WORKERS) * 3)
    wal = min(max(memory, 1024), 4096)
    page_cost, concurrency = DISKS[storage]
    return {
        "shared_buffers": f"{shared}MB",
        "effective_cache_size": f"{memory * 3 // 4}MB",
        "maintenance_work_mem": f"{min(memory // 16, 2048)}MB",
        "work_mem": f"{max(sorts, 4096)}kB",
        "min_wal_size": f"{wal // 4}MB",
        "max_wal_size": f"{wal}MB",
        "wal_compression": "lz4" if version >= 15 else "on",
        "random_page_cost": page_cost,
        "effective_io_concurrency": concurrency,
        "max_parallel_workers": cores,
        "max_parallel_workers_per_gather": min(cores // 2, 4),
        "max_parallel_maintenance_workers": min(max(cores // 2, 1), 4),
        # Compiles queries, which costs more than it saves with those of a web application.
        "jit": False,
    }
