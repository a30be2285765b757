"""Task2Vec: how alike two tasks use the filters of one probe network, Achille et al. (2019)."""

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from raytd.engine.config import Count, NonNegative, Positive, Settings, UserPath

if TYPE_CHECKING:
    from raytd.engine.context import Context, Pair
    from raytd.methods.score import Score


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
        fisher: `montecarlo` samples labels from the predictions; `variational` is the paper's
            robust estimate, from the noise that each filter's weights can bear.
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
            every image, as the source model is of its own task, the few labels drawn against it
            make the estimate noisy; `variational` is steadier there.
        steps: of Adam for `variational`.
        lr: of Adam for `variational`.
        beta: weight of the divergence from the prior for `variational`.
    """

    probe: Annotated[str, AfterValidator(_known)] = "source"
    weights: UserPath | None = None
    fisher: Literal["montecarlo", "variational"] = "montecarlo"
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

    def idle(self) -> frozenset[str]:
        """Each estimate has keys that mean something for it alone."""
        alone = {"montecarlo_batch", "passes"}
        if self.fisher == "montecarlo":
            alone = {"steps", "lr", "beta"}
        return frozenset(alone if self.asymmetric else alone | {"alpha"})


def run(pair: "Pair", config: Task2VecConfig, context: "Context") -> "Score":
    """The normalised cosine distance of the two tasks' embeddings; smaller is closer."""
    from raytd.methods.fisher.cosine import normalised_cosine
    from raytd.methods.fisher.embedding import embedding_of
    from raytd.methods.fisher.probe import make_probe
    from raytd.methods.score import Score

    probe = make_probe(pair, context, name=config.probe, weights=config.weights)
    tasks = (pair.source,) if pair.is_self else (pair.source, pair.target)
    embeddings = [
        embedding_of(
            task,
            probe,
            config,
            seed=pair.seed,
            folder=context.sources.folder,
            threads=context.resources.threads,
        )
        for task in tasks
    ]
    source, target = embeddings[0], embeddings[-1]
    value = distance = normalised_cosine(source.fisher, target.fisher)
    if config.asymmetric and source.trivial is not None:
        value = distance - config.alpha * normalised_cosine(source.fisher, source.trivial)
    return Score(
        value=value,
        unit="1",
        smaller_is_closer=True,
        sgd_steps=sum(_steps(config) for _ in tasks),
        forward_images=sum(_images(config, len(t.train.labels)) for t in tasks),
        figures={
            "probe": probe.identity,
            "filters": len(source.fisher),
            "symmetric_distance": distance,
            "source_head_accuracy": source.accuracy,
            "target_head_accuracy": target.accuracy,
        },
    )


def _steps(config: Task2VecConfig) -> int:
    """Steps of training behind an embedding, cached or not."""
    return config.head_steps + (config.steps if config.fisher == "variational" else 0)


def _images(config: Task2VecConfig, n_images: int) -> int:
    """Images that go through the probe for an embedding, cached or not."""
    if config.fisher == "montecarlo":
        return n_images * (1 + config.passes)
    whole, rest = divmod(config.steps, -(-n_images // config.batch_size))
    return n_images * (1 + whole) + min(n_images, rest * config.batch_size)
