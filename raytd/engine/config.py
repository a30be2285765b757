"""The settings of a trial, as frozen and checked objects.

The classes mirror the sections of a sweep file. What says how SGD goes is declared in
`raytd.transfer.settings`, which they extend: numerical functions know of no more than that.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from raytd.checked import Checked, Count, NonNegative, Positive
from raytd.paths import expanded
from raytd.tasks.labels import Labels
from raytd.transfer.settings import (
    Augment,
    Descent,
    EarlyStop,
    MeasuredDescent,
    Mixing,
    Precision,
)
from raytd.transport.settings import Dealing, Support

Sync = Literal["knot", "single", "none"]
Watched = Literal["distance", "fisher_rao_length", "noise_free_length"]


def _known_model(name: str) -> str:
    from raytd.models.zoo import nearest, problem_with

    problem = problem_with(name)
    if problem is not None:
        near = nearest(name)
        raise ValueError(problem + (f"; did you mean '{near}'?" if near else ""))
    return name


def _canonical(name: str) -> str:
    from raytd.models.zoo import canonical

    return canonical(name)


ModelName = Annotated[str, AfterValidator(_known_model)]
"""What `raytd.models.zoo` can build."""


def _in_a_known_home(path: str) -> str:
    expanded(path)
    return path


UserPath = Annotated[str, Field(min_length=1), AfterValidator(_in_a_known_home)]
"""A path as it was written; a `~` in front stands for a home folder that is known."""


def as_tuple(value: Any) -> Any:
    """A list as a tuple, all else as it is: JSON and YAML have lists, frozen objects tuples."""
    return tuple(value) if isinstance(value, list) else value


class Settings(Checked):
    """Base of every section: what a sweep asks of one beside its values."""

    def idle(self) -> Mapping[str, str]:
        """Keys whose values change nothing beside those of the others, and why."""
        return {}

    def revised(self) -> dict[str, int]:
        """Keys whose present values once meant something else, with the number of the meaning.

        Part of a trial's identity, so that no result of an earlier meaning is taken for this one's.
        """
        return {}

    def of_old(self) -> frozenset[str]:
        """Keys whose values ask for what was done before there were such keys.

        They are left out of a trial's identity and of its protocol, so that the results of then
        are found again.
        """
        return frozenset()

    def files(self) -> dict[str, str]:
        """Keys that name a file whose content is part of the answer, with its path."""
        return {}

    def sees_source(self) -> bool:
        """Whether a method with these settings looks at the source model."""
        return True

    def sgd_steps(self, n_images: int) -> int | None:
        """SGD steps where so many training images are learnt; None where only a run tells."""
        return None

    def paths(self) -> "tuple[PathConfig, ...]":
        """Paths that a method follows in its own process."""
        return ()


class PathConfig(MeasuredDescent, Settings):
    """How SGD goes along a path that is measured at knots; base of the settings of such paths.

    Attributes:
        steps: SGD steps.
        epochs: the same in epochs; `default_epochs` where neither is given.
        labels: how the label spaces of the two tasks are joined.
    """

    default_epochs: ClassVar[int]

    steps: Count | None = None
    epochs: Count | None = None
    labels: Labels = "union"

    @model_validator(mode="before")
    @classmethod
    def _default_epochs(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("steps") is None and given.get("epochs") is None:
            return {**given, "epochs": cls.default_epochs}
        return given

    @model_validator(mode="after")
    def _steps_or_epochs(self) -> Self:
        if self.steps is not None and self.epochs is not None:
            raise ValueError("give steps or epochs, not both")
        if self.segments != 10 and self.segments % 20 != 0:
            raise ValueError(f"segments must be 10 or a multiple of 20, not {self.segments}")
        if self.steps is not None and self.steps < self.segments:
            raise ValueError(
                f"steps = {self.steps} is fewer than one step per segment ({self.segments})"
            )
        return self

    def of_old(self) -> frozenset[str]:
        """Without averaging, the weights that move are measured, as ever."""
        return frozenset({"averaging"} if self.averaging == "none" else ())


class TrajectoryConfig(PathConfig):
    """How the weights follow the interpolated task while tau runs from 0 to 1.

    Attributes:
        steps: SGD steps of one trajectory.
        epochs: the same in epochs, which count N_s pairs each; 40 where neither is given.
        batch_size: pairs per SGD step and block.
        momentum: of SGD; continues over the knots.
        labels: how the label spaces of the two tasks are joined: `union` gives each class an
            output, `aligned` gives one to each pair of classes that the source model finds alike.
        augment: `crop-flip` shifts and mirrors both images of a drawn pair alike.
        mixing: law of the mixing coefficient t.
        sync: what the blocks do at a knot: `knot` averages them into one trajectory, `single`
            lets one worker advance on all pairs and the blocks only measure, `none` lets each
            block follow a trajectory of its own.
        precision: in which the layers compute when the weights move and the pairs are measured;
            `bfloat16` is autocast, with logits and all lengths above it. Sources, and what is read
            off validation images, stay in float32.
        match: what networks have in common: `lr` takes the rate as it is, `speed` scales it so
            that predictions move as fast at the start as those of the reference network.
        reference: name of that network.
    """

    default_epochs: ClassVar[int] = 40

    mixing: Mixing = "beta"
    sync: Sync = "knot"
    precision: Precision = "float32"
    match: Literal["lr", "speed"] = "lr"
    reference: Annotated[ModelName, AfterValidator(_canonical)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _reference_of_speed(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("reference") is None:
            return given
        if "match" not in given:
            raise ValueError("reference has no effect without match: speed")
        return given if given["match"] == "speed" else {**given, "reference": None}

    @model_validator(mode="after")
    def _reference_is_named(self) -> Self:
        if self.match == "speed" and self.reference is None:
            raise ValueError("match: speed needs the name of a network as reference")
        return self

    def sgd_steps(self, n_images: int) -> int:
        """SGD steps of one trajectory whose epochs count as many pairs as the source has images."""
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None
        return max(self.segments, math.ceil(self.epochs * n_images / self.batch_size))


class TilingConfig(Settings):
    """How the pairs of images are dealt to blocks; base of the settings of methods on blocks.

    Attributes:
        blocks: coupling blocks; part of the answer, whatever hardware does the work.
        tile_size: side of the square of pairs whose costs are all measured.
        dealing: how images are dealt into tiles.
    """

    blocks: Count = 1
    tile_size: Count = 25
    dealing: Dealing = "random"

    def most_iterations(self) -> int:
        """Trajectories, at most."""
        return 1

    def needs_features(self) -> bool:
        """Whether the training images go through the source model before the path begins."""
        return self.dealing == "matched"

    def solves(self) -> Support | None:
        """The support of the couplings that are solved for; None where none is."""
        return None


class PretrainConfig(Descent, Settings):
    """How a source model is trained before any transfer.

    Attributes:
        epochs: the greatest number of passes over the images.
        lr: learning rate at the start.
        schedule: of the learning rate; `step` multiplies it by `gamma` at each milestone.
        milestones: epochs after which it falls, rising; for `step` alone.
        gamma: what it is multiplied by there; for `step` alone.
        augment: `crop-flip` shifts and mirrors each image.
        early_stop: `loss` or `accuracy` on the validation images ends training when it has not
            improved for `patience` epochs; either way the weights of the best epoch are kept.
        patience: in epochs; for `early_stop` alone.
        min_accuracy: a source that reaches less on the validation images is flagged in every
            result that uses it.
    """

    epochs: Count = 30
    batch_size: Count = 50
    lr: Positive = 0.05
    schedule: Literal["cosine", "constant", "step"] = "cosine"
    milestones: Annotated[tuple[Count, ...], BeforeValidator(as_tuple)] = ()
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.2
    augment: Augment = "none"
    early_stop: EarlyStop = "none"
    patience: Count = 10
    min_accuracy: Annotated[float, Field(ge=0, le=1)] | None = None

    @model_validator(mode="after")
    def _rising_milestones(self) -> Self:
        if self.schedule != "step":
            return self
        if not self.milestones:
            raise ValueError(
                "schedule step needs a milestone, an epoch after which the rate falls, or several"
            )
        bounds = (0, *self.milestones, self.epochs)
        if any(a >= b for a, b in zip(bounds, bounds[1:], strict=False)):
            raise ValueError(
                f"milestones must rise and lie below epochs = {self.epochs}, not "
                f"{list(self.milestones)}"
            )
        return self

    def idle(self) -> Mapping[str, str]:
        """Schedule and early stop have keys that mean something for them alone."""
        idle = {} if self.early_stop != "none" else {"patience": "early_stop is 'none'"}
        if self.schedule == "step":
            return idle
        return idle | dict.fromkeys(("milestones", "gamma"), f"schedule is '{self.schedule}'")

    def source_only(self) -> frozenset[str]:
        """Keys that shape the source model and no network that it is compared with."""
        own = {"batch_size", "early_stop", "patience"}
        return frozenset(own if self.schedule == "step" else own | {"epochs"})


class StopConfig(Settings):
    """When the coupling iterations of a trial may end early.

    Attributes:
        metric: the length whose relative change from one iteration to the next is watched.
        tolerance: an iteration that changes it by less than this share is the last one, and the
            distance counts as converged; 0 never ends a trial early.
    """

    metric: Watched = "distance"
    tolerance: Annotated[float, Field(ge=0, lt=1)] = 0.01


class ResourcesConfig(Settings):
    """What a trial asks of the cluster; the answer does not depend on it beyond the last bits.

    Attributes:
        actors: block actors per trial; "auto" is one per coupling block, or as many as the cluster
            has room for.
        gpus_per_actor: GPUs of each block actor; a fraction or 0 is allowed. "auto" is one where
            the cluster has GPUs, a share of one where it has fewer of them than the trial has
            actors, and none where it has none.
        cpus_per_actor: CPUs of each block actor; a fraction is allowed.
        threads: torch threads per worker. Other counts give other last bits.
        chunk: tiles per forward pass in measuring, each of tile_size² images: what bounds the
            memory of a pass. Other counts may give other last bits. A trial that runs out of
            memory starts again with half of it, up to three times.
        deterministic: whether GPUs compute by algorithms that give the same bits each time; without
            them they are faster, and the result says so.
        checkpoint_every: segments between two checkpoints of a trial; "auto" writes one as often as
            they take at most 2 % of the time. One is written after each iteration anyhow.
        call_timeout_s: longest time that one call to an actor may take, in seconds; an actor that
            takes longer counts as hanging, is killed, and is made again.
        wait_timeout_s: longest time to wait for the cluster to place an actor, in seconds.
    """

    actors: Literal["auto"] | Count = "auto"
    gpus_per_actor: Literal["auto"] | NonNegative = "auto"
    cpus_per_actor: Positive = 1
    threads: Count = 1
    chunk: Count = 1
    deterministic: bool = True
    checkpoint_every: Literal["auto"] | Count = "auto"
    call_timeout_s: Positive = 3600
    wait_timeout_s: Positive = 1800

    @model_validator(mode="after")
    def _whole_or_shared(self) -> Self:
        for name in ("gpus_per_actor", "cpus_per_actor"):
            value = getattr(self, name)
            if value != "auto" and value > 1 and value != int(value):
                raise ValueError(f"{name} above 1 must be a whole number, not {value}")
        return self

    @property
    def use_gpu(self) -> bool:
        """Whether whatever computes does so on a GPU, where its process can see one."""
        return self.gpus > 0

    @property
    def gpus(self) -> float:
        """GPUs of each block actor; "auto" that no cluster has settled stands for one."""
        return 1.0 if self.gpus_per_actor == "auto" else self.gpus_per_actor

    def n_actors(self, n_blocks: int) -> int:
        """Actors that a trial of `n_blocks` blocks uses: never more than one per block."""
        return n_blocks if self.actors == "auto" else min(self.actors, n_blocks)
