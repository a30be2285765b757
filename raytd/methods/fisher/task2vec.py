"""Task2Vec: how alike two tasks use the filters of one probe network, Achille et al. (2019)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal, Self, TypedDict

from pydantic import AfterValidator, model_validator

from raytd.checked import Count, NonNegative, Positive
from raytd.engine.config import Settings, UserPath
from raytd.methods.method import Method
from raytd.rows.column import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from raytd.engine.setup.context import Context, Pair
    from raytd.methods.fisher.embedding import Embedding
    from raytd.methods.fisher.probe import Probe
    from raytd.methods.score import Score
    from raytd.tasks.task import Task


def _known(name: str) -> str:
    from raytd.models import features, zoo

    if name == features.PIXELS:
        raise ValueError("'pixels' have no filters; a probe is a network")
    if features.problem_with(name) is None or zoo.problem_with(name) is None:
        return name
    external = name.startswith("torchvision:") or name == features.EFFICIENTNET
    problem = features.problem_with(name) if external else zoo.problem_with(name)
    raise ValueError(f"{problem}; there are {features.SOURCE} and {features.EFFICIENTNET} too")


class Task2VecConfig(Settings):
    """Settings of Task2Vec.

    Attributes:
        probe: the network that both tasks are seen by. `source` is the trial's own source model,
            which is always there; the paper's, a ResNet-34 of ImageNet, is `torchvision:resnet34`
            where its weights are; `efficientnet-lite0`; or a network of the zoo with `weights`. All
            but `source` are one probe for all tasks of a sweep.
        weights: file of the weights of a probe of the zoo, trained on any task.
        fisher: `auto` sums over all labels of each image, which leaves no error, up to 32 classes.
            Above, it draws random signs over the labels until `error` is reached, or sums over all
            labels where that takes fewer gradients. `exact` always sums. `montecarlo` is the
            authors': few labels drawn from the predictions, whose noise moves distances, small ones
            upwards. `variational` is the paper's robust estimate, from the noise that each filter's
            weights can bear; its own noise is not estimated.
        error: relative error of the distance at which the draws of `auto` end, by their jackknife;
            before, the same error of each embedding, root mean square over filters.
        asymmetric: takes from the distance `alpha` times that of the source to the trivial task,
            so that complex sources are nearer; for `variational`, whose prior is that task.
        alpha: see there.
        head_steps: of Adam for the fresh head. The authors' ten epochs are some thousand steps on
            their data and a few dozen on small tasks, which would leave the head as it began.
        head_lr: of Adam for the head.
        head_weight_decay: likewise.
        batch_size: images per step of the head and of `variational`.
        montecarlo_batch: images whose gradients are averaged before they are squared.
        passes: how often `montecarlo` sees every training image. Where the probe is sure of nearly
            every image, as the source model is of its own task, nearly all information is in labels
            that are hardly ever drawn, so that even a thousand passes leave an error.
        steps: of Adam for `variational`.
        lr: of Adam for `variational`.
        beta: weight of the divergence from the prior for `variational`.
    """

    probe: Annotated[str, AfterValidator(_known)] = "source"
    weights: UserPath | None = None
    fisher: Literal["auto", "exact", "montecarlo", "variational"] = "auto"
    error: Positive = 0.01
    asymmetric: bool = False
    alpha: NonNegative = 0.15
    head_steps: Count = 2000
    head_lr: Positive = 4e-4
    head_weight_decay: NonNegative = 1e-4
    batch_size: Count = 32
    montecarlo_batch: Count = 8
    passes: Count = 10
    steps: Count = 500
    lr: Positive = 0.01
    beta: Positive = 1e-7

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        from raytd.models import features

        if self.asymmetric and self.fisher != "variational":
            raise ValueError(
                "asymmetric needs fisher: variational, whose prior is the trivial task"
            )
        if self.weights is not None and features.problem_with(self.probe) is None:
            raise ValueError(f"weights are for a probe of the zoo; '{self.probe}' has its own")
        if self.weights is None:
            problem = features.problem_with(self.probe)
            if problem is not None:
                raise ValueError(f"probe '{self.probe}' is untrained without weights")
        return self

    def sees_source(self) -> bool:
        """Where it is the probe."""
        return self.probe == "source"

    def files(self) -> dict[str, str]:
        """The weights of a probe."""
        return {} if self.weights is None else {"weights": self.weights}

    def idle(self) -> Mapping[str, str]:
        """Each estimate has keys that mean something for it alone."""
        own = {
            "auto": {"error"},
            "exact": set(),
            "montecarlo": {"montecarlo_batch", "passes"},
            "variational": {"steps", "lr", "beta"},
        }
        others = set().union(*own.values()) - own[self.fisher]
        idle = dict.fromkeys(sorted(others), f"fisher is '{self.fisher}'")
        return idle if self.asymmetric else idle | {"alpha": "asymmetric is off"}


class Figures(TypedDict, total=False):
    """What its results say beside the value."""

    probe: Annotated[str, Column("network whose filters are used")]
    filters: Annotated[int, Column("how many it has")]
    symmetric_distance: Annotated[
        float, Column("normalised cosine distance, before the source's own complexity counts")
    ]
    drawn_error: Annotated[
        float | None,
        Column(
            "error of that distance from the draws; none where all labels are taken", form="rough"
        ),
    ]
    source_gradients: Annotated[int, Column("gradients of the source's images")]
    target_gradients: Annotated[int, Column("gradients of the target's images")]
    source_head_accuracy: Annotated[
        float, Column("accuracy of the probe's head on the source", form="share")
    ]
    target_head_accuracy: Annotated[
        float, Column("accuracy of the probe's head on the target", form="share")
    ]


def run(pair: "Pair", config: Task2VecConfig, context: "Context") -> "Score":
    """The normalised cosine distance of the two tasks' embeddings; smaller is closer.

    Raises:
        InputError: if the distance is not defined, because a task has no information for a filter.
    """
    from raytd.methods.fisher.cosine import normalised_cosine
    from raytd.methods.fisher.evidence import warnings_of
    from raytd.methods.fisher.probe import make_probe
    from raytd.methods.score import Score

    tasks = (pair.source,) if pair.is_self else (pair.source, pair.target)
    probe = make_probe(pair, context, name=config.probe, weights=config.weights)
    embeddings, distance, error, forwards = _embedded(tasks, probe, config, pair.seed, context)
    source, target = embeddings[0], embeddings[-1]
    value = distance
    if config.asymmetric and source.trivial is not None:
        value = distance - config.alpha * normalised_cosine(source.fisher, source.trivial)
    return Score(
        value=value,
        sgd_steps=len(tasks) * _steps(config),
        forward_images=forwards,
        figures={
            "probe": probe.identity,
            "filters": len(source.fisher),
            "symmetric_distance": distance,
            "drawn_error": error,
            "source_gradients": source.gradients,
            "target_gradients": target.gradients,
            "source_head_accuracy": source.accuracy,
            "target_head_accuracy": target.accuracy,
        },
        warnings=(
            *probe.warnings,
            *warnings_of(tasks, config, distance=distance, error=error),
        ),
    )


def _embedded(
    tasks: "Sequence[Task]", probe: "Probe", config: Task2VecConfig, seed: int, context: "Context"
) -> "tuple[list[Embedding], float, float | None, int]":
    """Embeddings, their distance, its error from draws, and the images that went forward.

    Where `auto` draws, more are drawn until the distance has the wanted error. The end is sure:
    where draws would be more than labels, all labels are taken, which leaves no error.
    """
    from raytd.methods.fisher.cosine import normalised_cosine
    from raytd.methods.fisher.embedding import embedding_of
    from raytd.methods.fisher.evidence import drawn_error, refuse_empty

    folder, threads = context.sources.folder, context.resources.threads
    settings, forwards = config, 0
    while True:
        embeddings = [
            embedding_of(task, probe, settings, seed=seed, folder=folder, threads=threads)
            for task in tasks
        ]
        for task, embedding in zip(tasks, embeddings, strict=True):
            refuse_empty(task, embedding)
            forwards += round(len(task.train.labels) * (1 + embedding.forwards))
        distance = normalised_cosine(embeddings[0].fisher, embeddings[-1].fisher)
        error = drawn_error(embeddings)
        enough = error is None or error <= config.error * distance
        if enough or config.fisher != "auto":
            return embeddings, distance, error, forwards
        settings = settings.model_copy(update={"error": settings.error / 2})


def _steps(config: Task2VecConfig) -> int:
    """Steps of training behind an embedding, cached or not."""
    return config.head_steps + (config.steps if config.fisher == "variational" else 0)


METHOD = Method(
    name="task2vec",
    unit="1",
    smaller_is_closer=True,
    settings=Task2VecConfig,
    section="task2vec",
    run=run,
    costs="a head for each task, and gradients of its images; kept for all pairs",
    figures=Figures,
)
