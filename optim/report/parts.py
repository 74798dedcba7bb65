"""The sections of a report that are words and tables."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from forge.session import Usage
from forge.statistics import p_better
from optim.acceptance import by_unit
from optim.failures import function_use
from optim.report.page import diff, table
from optim.result import Result, stateful
from optim.trial import Trial
from optim.version import describe

if TYPE_CHECKING:
    from optim.ablation import Ablation
    from optim.baselines import Baselines

MOST_EDITS = 60  # steps shown in full; a longer training shows those that were kept, and the latest


def verdict(result: Result) -> tuple[str, str]:
    """What is shipped and why, in numbers."""
    titles = {"finish": "What search found is shipped", "earlier": "An earlier version is shipped",
              "start": "The start is shipped"}  # fmt: skip
    certified = "certified" if result.certified else "not certified"
    numbers = [("score before", _score(result.baseline)), ("score after", _score(result.score))]
    if result.interval is not None:
        numbers.append(("95% interval", _range(result.interval)))
    if result.release is not None and result.release.interval is not None:
        numbers += [
            ("candidate − start", f"{result.release.difference:+.3f}"),
            ("its interval", _range(result.release.interval, signed=True)),
            ("P(better)", f"{result.p_better:.3f}"),
            ("smallest that would show", f"{result.detectable:.2f}"),
        ]
    tiles = "".join(f"<div><span class=quiet>{name}</span><b>{value}</b></div>" for name, value in numbers)
    notes = "".join(f"<p class=quiet>{escape(note)}</p>" for note in result.notes)
    kind = "shown" if result.certified else "not-shown"
    where = {"train": "training tasks", "validation": "tasks used for selection", "holdout": "held-out tasks"}
    return "Verdict", (
        f'<div class="verdict {kind}"><strong>{titles[result.shipped]} ({certified})</strong>'
        f"<p>{escape(result.why)}</p><div class=numbers>{tiles}</div></div>"
        f"<p class=quiet>Scores are on {len(result.measured)} {where[result.measured_on]}. Search ended because: "
        f"{escape(result.stopped)}.</p>{notes}"
    )


def edits(result: Result) -> str:
    """Every step with its diff, what it was judged on and why it was kept or not."""
    trials = [trial for trial in result.history if trial.decision != "none"]
    shown = trials if len(trials) <= MOST_EDITS else [t for t in trials if t.decision == "keep" or t in trials[-20:]]
    left = len(trials) - len(shown)
    note = f"<p class=quiet>{left} steps that were not kept are left out.</p>" if left else ""
    return note + "\n".join(map(_edit, shown)) or "<p class=quiet>Nothing was proposed.</p>"


def functions(result: Result, ablation: Ablation | None) -> str:
    """How each function of the candidate was used on the tasks that were measured, and what it is worth."""
    library = result.candidate
    if not len(library):
        return "<p class=quiet>There are no functions.</p>"
    worth = {one.use.name: one for one in ablation.functions} if ablation is not None else {}
    sessions = ablation.whole.sessions if ablation is not None else (result.sessions or result.train_sessions)
    remembering = set(stateful(result.searched))
    rows = []
    for use in function_use(library.names, sessions):
        effect, sure = "", ""
        if use.name in worth:
            low, high = worth[use.name].effect.interval
            effect = f"{worth[use.name].effect.difference:+.3f} [{low:+.3f}, {high:+.3f}]"
            sure = f"{worth[use.name].effect.p_better:.2f}"
        mark = " (stateful: runs alone)" if use.name in remembering else ""
        name = f"<code>{escape(use.name)}</code>{mark}"
        rows.append((name, f"{use.calls}", f"{use.failures}", f"{use.sessions}", f"{use.solved}", effect or "–", sure))
    names = ("function", "calls#", "failed#", "sessions#", "solved#", "left out, paired#", "P(better)#")
    note = "" if ablation is not None else (
        "<p class=quiet>What each is worth was not measured: "
        "<code>result.report(path, ablation=forge.ablate(result))</code> does.</p>"
    )  # fmt: skip
    return table(names, rows) + note


def cost(result: Result) -> str:
    """Model calls, tokens and dollars by role."""
    agent = _difference(result.cost, result.optimizer_cost)
    rows = [
        (name, f"{usage.calls:,}", f"{usage.input_tokens:,}", f"{usage.output_tokens:,}", f"${usage.usd:.4f}")
        for name, usage in (("agent", agent), ("optimizer", result.optimizer_cost), ("in all", result.cost))
    ]
    words = f"<p>{result.rollouts:,} rollouts in {result.seconds:,.1f} s.</p>"
    return words + table(("role", "model calls#", "tokens in#", "tokens out#", "dollars#"), rows)


def equal_tokens(result: Result, baselines: Baselines | None) -> str:
    """The trained agent beside the untrained one with the same spending."""
    if baselines is None:
        return (
            "<p class=quiet>Not measured: <code>result.report(path, baselines=forge.baselines(result.start, dataset, "
            "tokens=result.cost.tokens))</code> does.</p>"
        )
    rows = [(name, f"{e.score:.3f}", _range(e.interval)) for name, e in
            (("no training", baselines.single), (f"best of {baselines.votes} votes", baselines.voted))]  # fmt: skip
    if result.score is not None and result.interval is not None:
        rows.append(("trained, once", f"{result.score:.3f}", _range(result.interval)))
    spent = f"<p class=quiet>The votes took {baselines.cost.tokens:,} tokens, the training {result.cost.tokens:,}.</p>"
    return table(("agent", "score#", "95% interval#"), rows) + spent


def filters(result: Result) -> str:
    """What was refused before any rollout."""
    refused = [(trial, refusal) for trial in result.history for refusal in trial.refused]
    saved = f"<p>{len(refused)} changes were refused before any rollout; that saved at least {result.rollouts_saved:,} "
    rows = [(f"{trial.step + 1}", escape(describe(refusal.change)), escape(refusal.reason))
            for trial, refusal in refused[-40:]]  # fmt: skip
    return f"{saved}rollouts.</p>" + (table(("step#", "change", "reason"), rows) if rows else "")


def _edit(trial: Trial) -> str:
    words = {"keep": "kept", "drop": "rolled back", "refuse": "refused"}
    changes = ", ".join(describe(edit) for edit in trial.edits) or "nothing left to try"
    told = trial.after.instructions
    said = f"<p>New instructions:</p><pre><span class=add>{escape(told)}</span></pre>"
    return (
        f'<details><summary>{trial.step + 1}. <span class="{trial.decision}">'
        f'{words[trial.decision]}</span> {escape(changes)}</summary><div id="step-{trial.step + 1}">{_why(trial)}'
        f"{diff(trial.parent.diff(trial.library))}{said if told != trial.before.instructions else ''}</div></details>"
    )


def _why(trial: Trial) -> str:
    shown = (
        f"<p class=quiet>The optimizer saw {len(trial.shown)} tasks with a mean score of {trial.shown_score:.3f}.</p>"
    )
    if trial.decision == "refuse":
        return f"{shown}<p>Refused before any rollout: {escape(trial.reason)}</p>"
    differences = by_unit(trial.pairs)
    wins, losses = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    refused = f"; {len(trial.refused)} changes beside it were refused" if trial.refused else ""
    merged = "Two earlier proposals together. " if trial.merged else ""
    return (
        f"{shown}<p>{merged}On {len(differences)} tasks {trial.parent_score:.3f} → {trial.score:.3f}: {wins} won, "
        f"{losses} lost, {len(differences) - wins - losses} the same; P(better) {p_better(differences):.3f}"
        f"{refused}.</p>"
    )


def _difference(whole: Usage, part: Usage) -> Usage:
    return Usage(**{name: getattr(whole, name) - getattr(part, name) for name in Usage.__slots__})


def _score(score: float | None) -> str:
    return "–" if score is None else f"{score:.3f}"


def _range(interval: tuple[float, float], *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    return f"{interval[0]:{sign}.3f} to {interval[1]:{sign}.3f}"
