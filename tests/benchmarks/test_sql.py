"""Tables that agents query: whatever they write, nothing but reading happens."""

import sqlite3
import threading

import pytest

from benchmarks.sql import ReadOnly


@pytest.fixture
def table():
    database = sqlite3.connect(":memory:", check_same_thread=False)
    database.execute("CREATE TABLE items (name, price)")
    database.executemany("INSERT INTO items VALUES (?, ?)", [("lamp", 3), ("desk", 40)])
    return ReadOnly(database, steps=2_000_000)


def test_a_select_finds_rows_up_to_the_limit(table):
    assert table.query("SELECT name FROM items WHERE price > 5") == [("desk",)]
    assert table.query("SELECT upper(name) FROM items ORDER BY price", rows=1) == [("LAMP",)]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM items",
        "DROP TABLE items",
        "UPDATE items SET price = 0",
        "PRAGMA query_only = OFF",
        "ATTACH DATABASE '{file}' AS other",
        "VACUUM INTO '{file}'",
        "CREATE TEMP TABLE other (x)",
        "SELECT 1; DELETE FROM items",
    ],
)
def test_whatever_else_is_refused_and_changes_nothing(table, sql, tmp_path):
    file = tmp_path / "file.db"
    with pytest.raises((sqlite3.Error, sqlite3.Warning)):
        table.query(sql.format(file=file))
    assert table.query("SELECT count(*) FROM items") == [(2,)]
    assert not file.exists()


def test_a_query_without_an_end_is_interrupted_and_the_next_one_works(table):
    forever = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
    with pytest.raises(sqlite3.OperationalError, match="interrupted"):
        table.query(forever)
    assert table.query("SELECT count(*) FROM items") == [(2,)]


def test_threads_share_it(table):
    found = []
    threads = [threading.Thread(target=lambda: found.extend(table.query("SELECT name FROM items"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
