"""How SGD goes: what may be chosen, and what holds where nothing is."""

from typing import Literal

from raytd.checked import Checked, Count, Momentum, NonNegative, Positive

Mixing = Literal["beta", "linear", "bernoulli"]
Augment = Literal["none", "crop-flip"]
Precision = Literal["float32", "bfloat16"]
Schedule = Literal["constant", "cosine"]
EarlyStop = Literal["none", "loss", "accuracy"]
Averaging = Literal["window", "segment", "none"]
"""What stands for a knot: a triangle over the last fifth of the path, the plain mean of the segment
that ends there, or the weights that move."""


class Descent(Checked):
    """SGD.

    Attributes:
        batch_size: images per step.
        lr: learning rate.
        momentum: of SGD.
        weight_decay: of SGD, on every parameter.
    """

    batch_size: Count = 20
    lr: Positive = 0.01
    momentum: Momentum = 0.9
    weight_decay: NonNegative = 5e-4


class Budget(Descent):
    """How long and how a network may learn from few images.

    Attributes:
        steps: SGD steps.
        evaluate_every: steps between two looks at the validation images; divides `steps`.
    """

    steps: Count = 120
    evaluate_every: Count = 10


class MeasuredDescent(Descent):
    """SGD along a path that is measured at knots.

    Attributes:
        segments: M, the number of segments between the M + 1 knots; 10 or a multiple of 20.
        averaging: what is measured at a knot. `window` is a mean of the weights of the last fifth
            of the path before it, most of those a tenth before; `segment` the mean over the segment
            that ends there; `none` the weights that SGD stands at. The weights move alike under
            all three.
        schedule: of the learning rate along the path.
        augment: `crop-flip` shifts and mirrors each image.
    """

    segments: Count = 20
    averaging: Averaging = "window"
    schedule: Schedule = "constant"
    augment: Augment = "none"
