"""Who may import whom, and what an import loads. What it costs: python -m benchmarks.speed.imports."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BELOW = {
    "functions": set(),
    "forge": {"functions"},
    "optim": {"forge", "functions"},
    "rl": {"forge", "functions"},
    "benchmarks": {"functions", "forge", "optim", "rl"},
}
FACES = {ROOT / "forge" / "__init__.py", ROOT / "forge" / "cli.py"}
HEAVY = ("torch", "transformers", "trl", "litellm", "openai", "numpy", "pandas", "matplotlib", "networkx", "rich")


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("package", BELOW)
def test_a_package_imports_only_what_lies_below_it(package):
    allowed = BELOW[package] | {package}
    wrong = {
        (str(path.relative_to(ROOT)), name)
        for path in (ROOT / package).rglob("*.py")
        if path not in FACES
        for name in imported(path)
        if name in BELOW and name not in allowed
    }
    assert not wrong


def test_importing_everything_loads_nothing_heavy():
    program = (
        "import json, sys; import forge, functions, optim, rl; "
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    assert json.loads(subprocess.check_output([sys.executable, "-c", program], cwd=ROOT)) == []
