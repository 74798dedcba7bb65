"""The page around the sections: a plain document with its own style, light and dark, for wide and narrow screens."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

STYLE = """
:root { color-scheme: light dark;
  --ground: #ffffff; --raised: #f5f6f8; --ink: #1b1f24; --quiet: #57606a; --line: #d5d9de; --link: #0a58ca;
  --kept: #1a7f37; --dropped: #9a6700; --refused: #c6262e; --start: #57606a;
  --added: #dafbe1; --removed: #ffe3e3; --band: rgba(10, 88, 202, .16); }
@media (prefers-color-scheme: dark) { :root {
  --ground: #111418; --raised: #1b2027; --ink: #e6e9ee; --quiet: #a3acb8; --line: #343c47; --link: #79b0ff;
  --kept: #56d364; --dropped: #e3b341; --refused: #ff8f88; --start: #a3acb8;
  --added: #12351f; --removed: #4a1b20; --band: rgba(121, 176, 255, .22); } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; } h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; }
p { margin: .4rem 0; overflow-wrap: anywhere; } a { color: var(--link); }
.quiet { color: var(--quiet); font-size: .9rem; }
.verdict { background: var(--raised); border-left: .35rem solid var(--start); padding: 1rem 1.25rem;
  border-radius: .4rem; }
.verdict.shown { border-color: var(--kept); } .verdict.not-shown { border-color: var(--dropped); }
.verdict strong { font-size: 1.15rem; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; margin-top: 1rem; }
.numbers div { background: var(--ground); border-radius: .4rem; padding: .5rem .75rem; }
.numbers b { display: block; font-size: 1.25rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--quiet); font-weight: 600; font-size: .85rem; } td.n, th.n { text-align: right; white-space: nowrap; }
.scroll table.wide { min-width: 40rem; } td code { overflow-wrap: anywhere; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .5rem 0; }
summary { padding: .5rem .75rem; cursor: pointer; overflow-wrap: anywhere; } details > div { padding: 0 .75rem .75rem; }
pre { margin: .5rem 0; font: .82rem/1.45 ui-monospace, monospace; overflow-x: auto; background: var(--raised);
  border-radius: .4rem; padding: .5rem 0; }
pre span { display: block; padding: 0 .75rem; min-width: max-content; white-space: pre; }
.add { background: var(--added); } .del { background: var(--removed); } .hunk { color: var(--quiet); }
.keep { color: var(--kept); } .drop { color: var(--dropped); } .refuse { color: var(--refused); }
.none, .start { color: var(--start); }
svg { max-width: 100%; height: auto; display: block; } svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
svg .axis { stroke: var(--line); } svg .quiet { fill: var(--quiet); font-size: 12px; }
"""


def page(title: str, sections: Iterable[tuple[str, str]]) -> str:
    """The document; a section without words is left out."""
    body = "\n".join(f"<section><h2>{escape(name)}</h2>\n{text}</section>" for name, text in sections if text)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n<h1>{escape(title)}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    )


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are HTML already; columns whose head ends in "#" hold numbers."""
    names = list(head)
    numeric = [name.endswith("#") for name in names]

    def row(cells: Iterable[str], tag: str) -> str:
        parts = (
            f"<{tag}{' class=n' if number else ''}>{cell}</{tag}>" for cell, number in zip(cells, numeric, strict=True)
        )
        return f"<tr>{''.join(parts)}</tr>"

    body = "\n".join(row(cells, "td") for cells in rows)
    wide = ' class="wide"' if len(names) > 4 else ""
    return f'<div class="scroll"><table{wide}>{row((escape(n.rstrip("#")) for n in names), "th")}\n{body}</table></div>'


def diff(text: str) -> str:
    """A unified diff in colours."""
    kinds = {"+": "add", "-": "del", "@": "hunk"}
    lines = []
    for line in text.splitlines():
        kind = "hunk" if line.startswith(("+++", "---")) else kinds.get(line[:1], "")
        lines.append(f'<span class="{kind}">{escape(line) or " "}</span>')
    return f"<pre>{''.join(lines)}</pre>" if lines else ""
