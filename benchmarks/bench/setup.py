"""What a bench is made of, in plain values: every process makes the data set and the models from them itself."""

from __future__ import annotations

import hashlib
import multiprocessing
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import forge
import optim
from benchmarks.bench.course import AnyCourse, Course, Sizes
from benchmarks.bench.regimes import BASE, FORGE
from benchmarks.bench.trainings import Trainer
from benchmarks.options import benchmark_of, require_file
from functions.errors import ForgeError

STOREQA, PRODUCTQA = "storeqa", "productqa"


@dataclass(frozen=True, slots=True)
class Setup:
    """The settings that all cells of a bench share; see `forge bench --help`."""

    dataset: str
    model: str = "router"
    api_base: str | None = None
    optimizer: str | None = None
    policy: str | None = None
    train: int | None = None
    test_tasks: int | None = None
    rollouts: int | None = None
    demonstrations: int | None = None
    test: str | None = None
    metric: str = "exact"
    columns: str | None = None

    def course(self) -> Course:
        """The data set with its recipe.

        Raises:
            ForgeError: it is not known, or its files are not found.
        """
        test = None if self.test is None else Path(self.test)
        if self.dataset in (STOREQA, PRODUCTQA):
            require_file(self.dataset, test, self.metric, self.columns)
        if self.dataset == STOREQA:
            from benchmarks.storeqa.course import StoreCourse

            given: dict[str, Any] = {
                "trained": self.train,
                "tested": self.test_tasks,
                "rollouts": self.rollouts,
                "demonstrated": self.demonstrations,
            }
            given = {name: value for name, value in given.items() if value is not None}
            return StoreCourse(**given, policy_path=self.policy)
        if self.dataset == PRODUCTQA:
            from benchmarks.productqa_course import ProductCourse

            # all rows answer the same tasks, and a pretrained model reads the whole of them
            short = self.policy is None and self.model == "router"
            return ProductCourse(
                self.demonstrations, self.train, self.test_tasks, rollouts=self.rollouts, policy_path=self.policy,
                short=short,
            )  # fmt: skip
        benchmark = benchmark_of(
            self.dataset, test, self.metric, 0, columns=self.columns, told=multiprocessing.parent_process() is None
        )
        return AnyCourse(benchmark, Sizes(self.train, self.test_tasks, self.rollouts, self.demonstrations), self.policy)

    def default_cost(self) -> float | None:
        """What advice costs where nobody says; None where the data set has no expert."""
        if self.dataset == STOREQA:
            from benchmarks.storeqa.course import COST

            return COST
        trainer = _trainer(self, Path())
        expert = trainer.course.agent(trainer.model, None).expert
        return None if expert is None else float(expert.cost)

    def pays(self, regime: str, *, trains: bool) -> bool:
        """Whether a language model is asked, which may cost something.

        Args:
            regime: of a step of training, or of a cell whose test is played.
            trains: which of the two.
        """
        hosted = self.model != "router" and regime in (BASE, FORGE)
        forges = trains and regime in (FORGE, "ppo+forge")  # the step itself, not what it goes on from
        return hosted or (forges and self.optimizer not in (None, "synthesis"))

    def data(self, folder: Path) -> str:
        """A hash of the tasks to train on and to test on, as this process has read them for a trainer in that folder;
        of productqa those of the test, as loading 74,000 more takes long."""
        return _data(self, folder)

    def trainer(self, folder: Path) -> Trainer:
        """Who trains in that folder; one a process."""
        return _trainer(self, folder)

    def differing(self, earlier: dict[str, Any]) -> dict[str, Any]:
        """The settings that were others in an earlier bench, as they were."""
        return {name: earlier.get(name) for name, value in asdict(self).items() if earlier.get(name) != value}


@lru_cache(maxsize=4)
def _trainer(setup: Setup, folder: Path) -> Trainer:
    return Trainer(setup.course(), folder, _model(setup), _optimizer(setup))


@lru_cache(maxsize=4)
def _data(setup: Setup, folder: Path) -> str:
    course = _trainer(setup, folder).course
    trained = () if setup.dataset == PRODUCTQA else course.function_tasks(0)
    digests = (tasks.digest for tasks in (*trained, course.test()) if tasks is not None)
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()[:16]


def _model(setup: Setup) -> Any:
    if setup.model == "router":
        return setup.model
    model = forge.models.LiteLLM(setup.model, api_base=setup.api_base)
    model.check()
    return model


def _optimizer(setup: Setup) -> Any:
    if setup.optimizer is None:
        return None
    if setup.optimizer == "synthesis":
        return optim.SynthesisOptimizer()
    model = forge.models.LiteLLM(setup.optimizer, api_base=setup.api_base)
    model.check()
    return optim.AgentOptimizer(model)


def require_weights(policy: str | None) -> None:
    """Args:
        policy: a folder or hub id to begin with.

    Raises:
        ForgeError: what training weights needs is not installed, or there is no model in that place.
    """
    try:
        import rl.policy  # noqa: F401
    except ImportError as error:
        raise ForgeError(f'training weights needs the extra: pip install "forge-agents[rl]" ({error}); '
                         "--regimes base,forge does without") from error  # fmt: skip
    if policy is not None:
        from rl.loading import require_model

        require_model(policy)
