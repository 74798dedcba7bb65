"""An optimizer that needs no language model: it searches small programs that explain the failed tasks."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from forge.models.filling import Signature, fill
from forge.models.matching import examples_of, features
from forge.models.reading import read
from forge.models.words import FUNCTION_WORDS
from forge.task import Task
from functions import Function, Library, SandboxError
from functions.edits import Add, Edit, Remove, Revise, Terminate
from functions.errors import ForgeError
from optim.clusters import Cluster, cluster
from optim.evidence import Evidence
from optim.explanations import RIGHT, Judge, explanations
from optim.shapes import DEEP_SHAPES, SHAPES, Shape
from optim.writing import Example, description_of, name_of, source_of, with_examples

TELLING_WORDS = 6  # in a description
HARMFUL_CALLS = 3  # wrong answers without a right one after which a function is proposed for removal
TRIALS = 3_000  # sandboxed calls a step to see which failed tasks the library's own functions could answer


@dataclass(frozen=True, slots=True)
class SynthesisOptimizer:
    """Proposes functions found by program search: enumerated by cost, chosen by what they explain.

    The failed tasks that a function of the library could answer become examples of it (Revise); the others are
    grouped by the small typed program that explains their answers, and each group becomes a function whose docstring
    holds examples (Add); a function that was called and never right goes (Remove). What was tried and not kept is
    not proposed again: then parts of it are, then programs from a deeper search, then `Terminate`.

    Which programs are right is the metric's word (`evidence.metric` on a session that submits the value), called
    hundreds of times a task: it must be cheap. Only the tasks of the evidence are looked at.

    Args:
        max_functions: the most functions added in one step, those that explain most tasks first.
        shapes: what forged functions may take.
        deep_shapes: the same for what is still unexplained when the first search has nothing left.
    """

    max_functions: int = 48
    shapes: tuple[Shape, ...] = SHAPES
    deep_shapes: tuple[Shape, ...] = DEEP_SHAPES
    deterministic = True

    def __post_init__(self) -> None:
        if self.max_functions < 1:
            raise ForgeError(f"max_functions={self.max_functions}: allow at least 1 new function a step")

    def propose(self, library: Library, evidence: Evidence) -> list[Edit]:
        """The edits to try next, from the failed tasks of the evidence; `Terminate` when nothing new is left."""
        tried = {failure.library.version for failure in evidence.failed} | {library.version}
        for edits in self._proposals(library, evidence):
            if edits and library.apply(edits).version not in tried:
                return list(edits)
        return [Terminate()]

    def _proposals(self, library: Library, evidence: Evidence) -> Iterator[Sequence[Edit]]:
        """Lists of edits, the most promising first; later ones are only worked out when earlier ones were tried."""
        failed = [
            task
            for task, session in zip(evidence.tasks, evidence.sessions, strict=True)
            if (session.score or 0.0) <= RIGHT
        ]
        judge = Judge(evidence.metric)
        answerable = _answerable(library, failed, judge, evidence)
        revised = _revisions(library, answerable, evidence)
        needed = {edit.name for edit in revised}
        removed = [edit for edit in _removals(library, evidence) if edit.name not in needed]
        unexplained = [task for task in failed if task.id not in answerable]
        added = self._additions(library, unexplained, judge, self.shapes, evidence.seed)
        yield [*removed, *revised, *added]
        yield added
        yield revised
        yield removed
        yield self._additions(library, unexplained, judge, self.deep_shapes, evidence.seed)

    def _additions(
        self, library: Library, tasks: Sequence[Task], judge: Judge, shapes: Sequence[Shape], seed: int
    ) -> list[Edit]:
        """A function for each group of tasks that one program explains."""
        readings = [read(task.question) for task in tasks]
        documents = [features(reading) for reading in readings]
        clusters = cluster(explanations(tasks, readings, judge, shapes), documents)[: self.max_functions]
        telling = _telling_words(clusters, documents, _proper_names(tasks))
        taken = set(library)
        edits: list[Edit] = []
        for group, words in zip(clusters, telling, strict=True):
            program, shape = group.explanation.program, group.explanation.shape
            name = _free_name(name_of(program, shape), taken)
            taken.add(name)
            examples = _examples([tasks[place] for place in group.tasks], seed)
            source = source_of(name, shape, program, description_of(program, shape, words), examples)
            edits.append(Add(name=name, source=source))
        return edits


def _answerable(
    library: Library, failed: Sequence[Task], judge: Judge, evidence: Evidence
) -> Mapping[str, tuple[str, ...]]:
    """For each failed task (by id) that functions of the library would answer rightly: those functions."""
    found: dict[str, list[str]] = {}
    left = TRIALS
    for name, function in library.items():
        given = _given(function, failed)[:left]
        left -= len(given)
        values = evidence.sandbox.map(function, [arguments for _, arguments in given], helpers=library.helpers(name))
        for (task, _), value in zip(given, values, strict=True):
            if not isinstance(value, SandboxError) and judge.accepts(task, value):
                found.setdefault(task.id, []).append(name)
    return {task: tuple(names) for task, names in found.items()}


def _given(function: Function, tasks: Sequence[Task]) -> list[tuple[Task, dict[str, object]]]:
    """The tasks whose questions give all arguments of a function and nothing else, with the arguments."""
    signature = Signature.of(function.parameters)
    fillings = ((task, fill(signature, read(task.question))) for task in tasks)
    return [(task, filling.arguments) for task, filling in fillings if filling is not None and filling.unused == 0]


def _revisions(library: Library, answerable: Mapping[str, tuple[str, ...]], evidence: Evidence) -> list[Revise]:
    """Failed tasks become examples of the function that answers them and resembles them most, where they are none."""
    by_id = {task.id: task for task in evidence.tasks}
    known = {name: _known(function) for name, function in library.items()}
    new: dict[str, list[Example]] = {}
    for identity, names in answerable.items():
        task = by_id[identity]
        document = features(read(task.question))
        if not any(document in known[name] for name in names):
            trainable = [name for name in names if library[name].trainable]
            best = max(trainable, key=lambda name: _resemblance(document, known[name]), default=None)
            if best is not None:
                new.setdefault(best, []).append(Example(task.question, task.answer))
    return [
        Revise(name=name, source=with_examples(library[name].source, name, examples)) for name, examples in new.items()
    ]


def _known(function: Function) -> set[tuple[str, ...]]:
    return {features(read(example)) for example in examples_of(function.description)[1]}


def _resemblance(document: Sequence[str], known: set[tuple[str, ...]]) -> float:
    """The largest share of features that the document has in common with one of the examples."""
    own = set(document)
    return max((len(own & set(example)) / len(own | set(example)) for example in known), default=0.0)


def _removals(library: Library, evidence: Evidence) -> list[Remove]:
    """Functions whose calls ended in wrong answers only."""
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for session in evidence.sessions:
        for name in {call.name for call, _ in session.calls}:
            (right if (session.score or 0.0) > RIGHT else wrong)[name] += 1
    return [
        Remove(name=name)
        for name, function in library.items()
        if function.trainable and wrong[name] >= HARMFUL_CALLS and not right[name] and not _needed(library, name)
    ]


def _needed(library: Library, name: str) -> bool:
    return any(name in (helper.name for helper in library.helpers(other)) for other in library if other != name)


def _telling_words(
    clusters: Sequence[Cluster], documents: Sequence[Sequence[str]], ignored: set[str]
) -> list[list[str]]:
    """For each cluster, the words that are much more common in its questions than in the others', best first."""
    counts = [_word_counts([documents[place] for place in group.tasks], ignored) for group in clusters]
    everywhere = sum(counts, Counter[str]())
    telling = []
    for group, own in zip(clusters, counts, strict=True):
        # in at least a tenth of the questions, weighed by how much of the word's use is here
        enough = max(2, len(group.tasks) // 10)
        weighed = {word: count * count / everywhere[word] for word, count in own.items() if count >= enough}
        telling.append(sorted(weighed, key=lambda word: (-weighed[word], word))[:TELLING_WORDS])
    return telling


def _word_counts(documents: Sequence[Sequence[str]], ignored: set[str]) -> Counter[str]:
    return Counter(
        feature
        for document in documents
        for feature in document
        if feature.isalpha() and feature not in FUNCTION_WORDS and feature not in ignored
    )


_PROPER_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][a-z]+")


def _proper_names(tasks: Sequence[Task]) -> set[str]:
    """Words written with a capital inside a sentence: they tell nothing about what is to be computed."""
    return {name.lower() for task in tasks for name in _PROPER_NAME.findall(task.question)} | {"table"}


def _examples(tasks: Sequence[Task], seed: int) -> list[Example]:
    """The tasks as examples in an order drawn by seed, so that those beyond what fits are missing at random."""
    shuffled = list(tasks)
    random.Random(f"examples:{seed}").shuffle(shuffled)
    return [Example(task.question, task.answer) for task in shuffled]


def _free_name(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    return next(numbered for n in range(2, len(taken) + 3) if (numbered := f"{name}_{n}") not in taken)
