"""The pictures of a report as SVG that follows the page's colours."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from forge.statistics import mean_interval
from optim.result import Result
from optim.trial import Trial
from optim.version import describe

WIDTH, HEIGHT, LEFT, BOTTOM = 720, 270, 48, 44
ROW, LANE = 26, 22
Scale = Callable[[float], float]


def learning_curve(result: Result) -> str:
    """Each comparison by the rollouts spent: the candidate's score with its interval; the line joins what was kept."""
    played = [trial for trial in result.history if trial.pairs]
    if not played:
        return '<p class="quiet">No candidate was played.</p>'
    most = max(played[-1].spent, 1)

    def x(rollouts: float) -> float:
        return LEFT + (WIDTH - LEFT - 12) * rollouts / most

    def y(score: float) -> float:
        return 10 + (HEIGHT - BOTTOM - 10) * (1 - score)

    marks = [_axes(most, x, y)]
    first = played[0]
    line = [(x(max(first.spent - first.rollouts, 0)), y(first.parent_score or 0.0))]
    for trial in played:
        low, high = mean_interval([pair.candidate for pair in trial.pairs])
        here = x(trial.spent)
        title = f"step {trial.step + 1}: {trial.score:.3f} [{low:.3f}, {high:.3f}] on {len(trial.pairs)} tasks"
        marks.append(
            f'<g class="{trial.decision}" stroke="currentColor" fill="currentColor"><title>{escape(title)}</title>'
            f'<line x1="{here:.1f}" x2="{here:.1f}" y1="{y(low):.1f}" y2="{y(high):.1f}" stroke-width="2" '
            f'opacity=".45"/><circle cx="{here:.1f}" cy="{y(trial.score or 0.0):.1f}" r="4"/></g>'
        )
        if trial.decision == "keep":
            line.append((here, y(trial.score or 0.0)))
    points = " ".join(f"{px:.1f},{py:.1f}" for px, py in line)
    marks.append(f'<polyline class="keep" points="{points}" fill="none" stroke="currentColor" stroke-width="1.5"/>')
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Scores of candidates by rollouts">'
        f"{''.join(marks)}</svg>"
        '<p class="quiet">Candidates on the tasks of their comparison, with 95% intervals: '
        '<span class="keep">kept</span>, <span class="drop">rolled back</span>. Other tasks each time, so that points '
        "side by side may differ by luck.</p>"
    )


def tree(result: Result) -> str:
    """Versions from top to bottom: the line of those kept, and beside it those that were tried and not kept."""
    trials = [trial for trial in result.history if trial.decision != "none"]
    rows = [_row(0, "start", "start", "", None)]
    rows += [
        _row(place, trial.decision, _words(trial), _numbers(trial), trial) for place, trial in enumerate(trials, 1)
    ]
    last = max((place for place, trial in enumerate(trials, 1) if trial.decision == "keep"), default=0)
    spine = f'<line x1="16" x2="16" y1="{ROW / 2}" y2="{ROW * (last + 0.5)}" class="keep" stroke="currentColor"/>'
    branches, parent = [], 0
    for place, trial in enumerate(trials, 1):
        if trial.decision == "keep":
            parent = place
        else:
            branches.append(f'<path class="axis" fill="none" d="M16 {ROW * (parent + 0.5)} V{ROW * (place + 0.2)} '
                            f'Q16 {ROW * (place + 0.5)} {16 + LANE} {ROW * (place + 0.5)}"/>')  # fmt: skip
    height = ROW * (len(trials) + 1)
    return (
        f'<div class="scroll"><svg viewBox="0 0 {WIDTH} {height}" style="min-width:34rem" role="img" '
        f'aria-label="Versions as a tree">{"".join(branches)}{spine}{"".join(rows)}</svg></div>'
    )


def _axes(most: int, x: Scale, y: Scale) -> str:
    scores = (
        f'<line class="axis" x1="{LEFT}" x2="{WIDTH - 12}" y1="{y(score):.1f}" y2="{y(score):.1f}"/>'
        + _label(LEFT - 8, y(score) + 4, f"{score:g}", "end")
        for score in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    rollouts = (
        _label(x(share * most), HEIGHT - 26, f"{share * most:,.0f}", "middle") for share in (0, 0.25, 0.5, 0.75, 1)
    )
    name = _label((LEFT + WIDTH) / 2, HEIGHT - 6, "rollouts", "middle")
    return "".join((*scores, *rollouts, name))


def _label(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text class="quiet" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'


def _row(place: int, decision: str, words: str, numbers: str, trial: Trial | None) -> str:
    lane = 16 if decision in ("start", "keep") else 16 + LANE
    middle = ROW * (place + 0.5)
    text = (
        f'<text x="{lane + 14}" y="{middle + 4}">{escape(words)} <tspan class="quiet">{escape(numbers)}</tspan></text>'
    )
    if trial is not None:
        text = f'<a href="#step-{trial.step + 1}">{text}</a>'
    return f'<circle class="{decision}" fill="currentColor" cx="{lane}" cy="{middle}" r="5"/>{text}'


def _words(trial: Trial) -> str:
    changes = [describe(edit) for edit in trial.edits]
    shown = ", ".join(changes[:2]) + (f" and {len(changes) - 2} more" if len(changes) > 2 else "")
    words = f"{trial.step + 1}  {shown or 'nothing left to try'}{' (merged)' if trial.merged else ''}"
    return words if len(words) <= 64 else f"{words[:62]}…"


def _numbers(trial: Trial) -> str:
    if trial.score is None or trial.parent_score is None:
        return "refused before any rollout" if trial.decision == "refuse" else ""
    return f"{trial.parent_score:.2f} → {trial.score:.2f}"
