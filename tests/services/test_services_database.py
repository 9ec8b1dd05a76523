"""One SQLite file of ours in several hands at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from shared_core.policy.stores.opening import LAYOUT
from shared_core.storage.database import Database

VISIT = """
import sys
from shared_core.policy.stores.opening import LAYOUT
from shared_core.storage.database import Database
database = Database(sys.argv[1], LAYOUT)
with database.reading() as connection:
    print(connection.execute("SELECT count(*) FROM budget_holds").fetchone()[0])
database.close()
"""


def test_what_one_process_writes_stays_although_it_opens_the_file_twice_and_others_come_and_go(
    tmp_path: Path,
) -> None:
    path = tmp_path / "state.sqlite"
    first, second = Database(path, LAYOUT), Database(path, LAYOUT)

    def write(database: Database, name: str) -> None:
        with database.writing() as connection:
            connection.execute("INSERT INTO budget_holds VALUES ('a', ?, 1, 0)", (name,))

    def seen_elsewhere() -> int:
        return int(
            subprocess.run([sys.executable, "-c", VISIT, path], capture_output=True, check=True).stdout
        )

    write(first, "one")
    write(second, "two")
    assert seen_elsewhere() == 2
    write(first, "three")
    assert seen_elsewhere() == 3
