"""ProductQA (AGILE, arXiv 2405.14751): product groups with a table each, and questions about them."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.data import data_folder, rows
from forge.tools import Tool
from functions.errors import ForgeError

Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class Group:
    """One product group: its folder holds questions, products and the features' schema."""

    name: str
    folder: Path

    def questions(self, kind: str) -> Iterator[Mapping[str, Any]]:
        """The rows of one type: "fact_qa", "search_qa" or "reasoning_qa"."""
        return (row for row in rows(self.folder / "qa.jsonl.gz") if row["type"] == kind)

    def table(self) -> sqlite3.Connection:
        """The products as a read-only SQLite table named after the group.

        Columns are the keys of the metadata, not of the schema: one group's gold SQL asks for `pockets`, which its
        schema lists under another name. A column holds numbers where its text is a number.
        """
        products = _json(self.folder / "metadata.json")
        features = list(dict.fromkeys(feature for product in products.values() for feature in product))
        columns = {feature: _column(feature) for feature in features}
        if len(set(columns.values())) < len(features):
            raise ForgeError(f"{self.folder}: two features of the metadata give the same column name")
        database = sqlite3.connect(":memory:", check_same_thread=False)
        typed = ", ".join(f'"{column}" NUMERIC' for column in columns.values())
        database.execute(f'CREATE TABLE "{self.name}" (product_id TEXT PRIMARY KEY, {typed})')
        places = ", ".join("?" * (1 + len(features)))
        for identity, product in products.items():
            values = [identity, *(_value(product.get(feature)) for feature in features)]
            database.execute(f'INSERT INTO "{self.name}" VALUES ({places})', values)
        database.commit()
        database.execute("PRAGMA query_only = ON")
        return database


def groups(part: str) -> list[Group]:
    """The product groups of "train" (20) or "test" (6).

    Raises:
        ForgeError: the data is not there.
    """
    folder = data_folder("productqa") / part
    if not folder.is_dir():
        raise ForgeError(f"{folder} is no folder: ProductQA has the parts train and test")
    return [Group(path.name, path) for path in sorted(folder.iterdir()) if path.is_dir()]


def search_tool(database: sqlite3.Connection) -> Tool:
    """`search_products(sql)`: the first column of what the query finds."""

    def search_products(sql: str) -> list[Value]:
        """Search the product table with an SQL query.

        Args:
            sql: one SELECT statement of SQLite.
        """
        return [row[0] for row in database.execute(sql)]

    return Tool(search_products)


def search_is_right(found: list[Value], gold: list[Mapping[str, str]]) -> bool:
    """Right is a non-empty subset of the gold products, or nothing where there is no gold product."""
    wanted = {product["asin"] for product in gold}
    return set(found) <= wanted and bool(found) == bool(wanted)


def _json(path: Path) -> Any:  # whatever the file holds; its shape is ProductQA's
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ForgeError(f"cannot read {path}: {error}") from error


def _column(feature: str) -> str:
    return re.sub(r"\W+", "_", feature.strip().lower()).strip("_")


def _value(value: Any) -> Value:  # of a product's feature
    return json.dumps(value) if isinstance(value, list | dict) else value
