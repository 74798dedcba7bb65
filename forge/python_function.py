"""The frozen function that every agent of the AgentOptimizer paper starts with: a sandboxed Python interpreter."""

from __future__ import annotations

from functions.function import Function

_SOURCE = '''
import ast
import contextlib
import io


def python(code: str) -> str:
    """Run Python code and return what it prints, then the value of its last line if that is an expression.

    Nothing is kept between calls; there are no files and no network.

    Args:
        code: Python source.
    """
    tree = ast.parse(code)
    names = {"__name__": "__main__"}
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "<code>", "exec"), names)
        value = None if last is None else eval(compile(ast.Expression(last.value), "<code>", "eval"), names)
        if value is not None:
            print(value if isinstance(value, str) else repr(value))
    text = printed.getvalue()
    return text if text else "(nothing was printed)"
'''

python_interpreter = Function.from_source(_SOURCE, "python", trainable=False)
"""`python(code: str) -> str`; optimizers leave it as it is."""
