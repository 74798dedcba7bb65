"""`forge bench` as a command, and data of one's own for it."""

import json

from typer.testing import CliRunner

from forge.cli import app


def ran(*arguments):
    return CliRunner().invoke(app, ["bench", *map(str, arguments)])


def doubles(path, count, first=0):
    rows = [{"question": f"What is {n} and {n}?", "answer": str(2 * n)} for n in range(first, first + count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
