"""The row of a trial: every column that results of more than one method have."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypedDict

from raytd.rows.column import Column, declared

_GIVEN = {"is_result": False}
_KNOTS = "measured at {} knots, whatever the number of segments is"


Figures = dict[str, Any]
"""Of an iteration, a knot, or another point of a curve, by name."""


class Row(TypedDict, total=False):
    """What is known of one trial, as results.parquet holds it.

    Beside these keys it has those that its method declares, and one for each axis of the sweep.
    """

    trial_key: Annotated[str, Column("the trial's settings and data, as 16 hexadecimal digits")]
    status: Annotated[Literal["done", "failed"], Column("`done` or `failed`")]
    error: Annotated[str | None, Column("why the trial failed, in one line")]
    transient: Annotated[
        bool | None, Column("whether it failed for a cause outside the trial", **_GIVEN)
    ]
    protocol: Annotated[
        str, Column("what fixes the scale of the numbers; lengths of two protocols do not compare")
    ]
    method: Annotated[str, Column("name of the method")]
    model: Annotated[str, Column("name of the network")]
    parameters: Annotated[int | None, Column("parameters of the network with its outputs")]
    source: Annotated[str, Column("task that the network has learnt")]
    target: Annotated[str, Column("task that it goes to")]
    seed: Annotated[int, Column("seed of the run", **_GIVEN)]
    source_digest: Annotated[str, Column("content of the source's images and labels")]
    target_digest: Annotated[str, Column("content of the target's images and labels")]
    value: Annotated[
        float | None, Column("what the method returns, in the unit of its row", words="distance")
    ]
    unit: Annotated[str, Column("unit of `value`; `1` where it has none")]
    smaller_is_closer: Annotated[bool, Column("whether tasks are nearer where `value` is smaller")]
    distance: Annotated[
        float | None,
        Column("⟨Γ, C⟩ of eq. (1): mean length of the path over pairs, longer than π where the "
               "path makes detours", "rad",
               error="distance_error"),
    ]  # fmt: skip
    distance_error: Annotated[
        float | None,
        Column("standard error of `distance` from the images and the noise of SGD within this run; "
               "none where a task has a single image", "rad",
               form="rough", words="error of the distance"),
    ]  # fmt: skip
    fisher_rao_length: Annotated[
        float | None,
        Column("length of the path of predictions, eq. (8); never below `distance`", "rad",
               words="Fisher-Rao length"),
    ]  # fmt: skip
    noise_free_length: Annotated[
        float | None,
        Column("length without the noise of SGD, from two strides", "rad",
               words="noise-free length", error="noise_free_error"),
    ]  # fmt: skip
    noise_free_error: Annotated[
        float | None,
        Column(
            "standard error of `noise_free_length` from the noise of SGD",
            "rad",
            form="rough",
            words="error of the noise-free length",
        ),
    ]
    noise_share: Annotated[
        float | None, Column("1 − noise_free_length / fisher_rao_length", form="share")
    ]
    self_distance: Annotated[
        float | None,
        Column("noise floor, where source and target are one task: what is left of the noise-free "
               "length when its differences are pooled before the root", "rad",
               words="self-distance"),
    ]  # fmt: skip
    distance_20: Annotated[
        float | None,
        Column(f"`distance` {_KNOTS.format(20)}; none where there are ten", "rad",
               words="distance at 20 knots"),
    ]  # fmt: skip
    distance_10: Annotated[
        float | None,
        Column(f"`distance` {_KNOTS.format(10)}", "rad", words="distance at 10 knots"),
    ]
    label_part: Annotated[
        float | None,
        Column("π times the mass of pairs whose labels differ: the distance, if every input moved "
               "by no more than its label needs", "rad"),
    ]  # fmt: skip
    excess: Annotated[
        float | None,
        Column("distance − label_part: what images, network and the noise of SGD add; it can be "
               "negative", "rad"),
    ]  # fmt: skip
    label_matching: Annotated[
        str | None,
        Column(
            "classes of the target that use an output of the source's, and whose",
            words="classes that share an output",
        ),
    ]
    fisher_rao_norm_integral: Annotated[
        float | None,
        Column("∫ ‖w‖ dτ over the path, eq. (21)", "rad", words="integral of the Fisher-Rao norm"),
    ]
    generalisation_gap: Annotated[
        float | None,
        Column("loss on validation images less that on training images, at τ = 1", "nats"),
    ]
    tracking_gap: Annotated[
        float | None,
        Column("how much further the loss of the moving weights falls where τ stands still for a "
               "fiftieth of the steps, mean over every fifth of the path", "nats"),
    ]  # fmt: skip
    lr: Annotated[
        float | None,
        Column("learning rate of the path, after it was matched", words="learning rate"),
    ]
    iterations: Annotated[int | None, Column("trajectories, each under its own coupling")]
    coupling_converged: Annotated[
        bool | None, Column("whether every Sinkhorn solve reached its tolerance")
    ]
    distance_converged: Annotated[
        bool | None,
        Column("whether the last iteration changed the watched length by less than the tolerance"),
    ]
    effective_partners: Annotated[
        float | None,
        Column("exp of the entropy of a row of the coupling, mean by mass", words="partners"),
    ]
    source_accuracy: Annotated[
        float | None,
        Column("of the source model on the source's validation images", form="share"),
    ]
    target_accuracy: Annotated[
        float | None,
        Column("at τ = 1 on the target's validation images, of the weights measured there",
               form="share"),
    ]  # fmt: skip
    moving_accuracy: Annotated[
        float | None,
        Column(
            "likewise, of the weights at which SGD stands",
            form="share",
            words="accuracy of the moving weights",
        ),
    ]
    reference_accuracy: Annotated[
        float | None,
        Column("of a network that learns the target alone with the same budget", form="share"),
    ]
    arrived: Annotated[
        bool | None, Column("whether moving_accuracy is at least 0.9 of reference_accuracy")
    ]
    sgd_steps: Annotated[
        int | None, Column("SGD steps of one path; sources are left out", words="SGD steps")
    ]
    forward_images: Annotated[
        int | None, Column("images that went forward; those of training sources are left out")
    ]
    source_weights: Annotated[str | None, Column("digest of the source model's weights")]
    source_val_images: Annotated[int, Column("validation images of the source")]
    source_chance: Annotated[
        float | None,
        Column(
            "share of the source's largest class in them: accuracy of a guess",
            form="share",
            words="source accuracy by guessing",
        ),
    ]
    n_seeds: Annotated[
        int | None, Column("seeds of this pair, method, network and setting", **_GIVEN)
    ]
    seeds_error: Annotated[
        float | None,
        Column("standard error of the mean of `value` over those seeds, from their scatter; in the "
               "unit of the row", **_GIVEN, words="error over seeds"),
    ]  # fmt: skip
    same_weights_as: Annotated[
        str | None, Column("other sources whose networks have the same weights to the bit")
    ]
    doubts: Annotated[str | None, Column("why the number may not be believed")]
    warnings: Annotated[str | None, Column("what else the user should know")]
    wall_s: Annotated[float | None, Column("duration of the trial", "s", words="wall time")]
    threads: Annotated[int, Column("torch threads of a worker", **_GIVEN)]
    chunk: Annotated[int, Column("tiles in a forward pass", **_GIVEN)]
    device: Annotated[str | None, Column("where the first block computed")]
    raytd_version: Annotated[str, Column("version of raytd that ran it")]


COMMON: dict[str, Column] = declared(Row)
"""The columns that results of more than one method have, in the order of a table."""


def cell(row: Mapping[str, Any], column: str) -> Any:
    """What stands in any column; None where the row has no such column."""
    return row.get(column)


def number(row: Mapping[str, Any], column: str) -> float | None:
    """The finite number in a column; None where the trial failed or has none."""
    value = row.get(column)
    if row.get("status", "done") != "done" or value is None or not math.isfinite(value):
        return None
    return float(value)
