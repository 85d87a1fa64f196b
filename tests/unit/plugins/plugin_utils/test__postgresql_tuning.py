# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Golden values of the rule that docs/data.md shows."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.filter.postgresql_tuning import postgresql_tuning
from ansible_collections.farol.vps.plugins.plugin_utils._postgresql_tuning import tuning

SAME = {"jit": False, "random_page_cost": 1.1, "effective_io_concurrency": 200}


@pytest.mark.parametrize(
    ("memory_mb", "cores", "expected"),
    [
        (
            512,  # a VPS of 1 GB, half of which is the applications'
            1,
            {
                "shared_buffers": "128MB",
                "effective_cache_size": "384MB",
                "maintenance_work_mem": "32MB",
                "work_mem": "4096kB",
                "min_wal_size": "256MB",
                "max_wal_size": "1024MB",
                "wal_compression": "lz4",
                "max_parallel_workers": 1,
                "max_parallel_workers_per_gather": 0,
                "max_parallel_maintenance_workers": 1,
            },
        ),
        (
            4096,
            4,
            {
                "shared_buffers": "1024MB",
                "effective_cache_size": "3072MB",
                "maintenance_work_mem": "256MB",
                "work_mem": "9709kB",
                "min_wal_size": "1024MB",
                "max_wal_size": "4096MB",
                "wal_compression": "lz4",
                "max_parallel_workers": 4,
                "max_parallel_workers_per_gather": 2,
                "max_parallel_maintenance_workers": 2,
            },
        ),
        (
            65536,
            16,
            {
                "shared_buffers": "16384MB",
                "effective_cache_size": "49152MB",
                "maintenance_work_mem": "2048MB",
                "work_mem": "155344kB",
                "min_wal_size": "1024MB",
                "max_wal_size": "4096MB",
                "wal_compression": "lz4",
                "max_parallel_workers": 16,
                "max_parallel_workers_per_gather": 4,
                "max_parallel_maintenance_workers": 4,
            },
        ),
    ],
)
def test_memory_and_cores_make_settings(memory_mb, cores, expected):
    assert tuning(memory_mb, cores, 100, 16) == {**SAME, **expected}


def test_a_kernel_that_counts_a_little_differently_changes_nothing():
    assert tuning(1984, 2, 100, 16) == tuning(2047, 2, 100, 16)
    assert tuning(1984, 2, 100, 16) != tuning(2048, 2, 100, 16)


def test_all_connections_together_never_sort_in_more_than_there_is():
    for memory in (4096, 16384, 65536):
        for connections in (50, 100, 300):
            made = tuning(memory, 4, connections, 16)
            shared, sort = int(made["shared_buffers"][:-2]), int(made["work_mem"][:-2])
            assert sort == 4096 or shared + 3 * connections * sort / 1024 <= memory


def test_more_connections_leave_less_for_each():
    few, many = (int(tuning(8192, 4, n, 16)["work_mem"][:-2]) for n in (50, 200))
    assert few > many


def test_a_version_and_a_disk_have_their_own():
    assert tuning(1024, 2, 100, 14)["wal_compression"] == "on"
    assert tuning(1024, 2, 100, 16, "hdd")["random_page_cost"] == 4


def test_too_little_memory_is_refused():
    with pytest.raises(AnsibleFilterError, match="255 MB are too few for PostgreSQL"):
        postgresql_tuning(255, 1, 100, 16)
    assert postgresql_tuning("256", "1", "100", "16")["shared_buffers"] == "64MB"
