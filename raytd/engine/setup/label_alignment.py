"""Which class of the target shares an output with which class of the source."""

import numpy as np
import torch
from jaxtyping import Float64

from raytd.learning.devices import place, torch_threads
from raytd.learning.pretrain import logits, on_device
from raytd.learning.sources import Source
from raytd.models import zoo
from raytd.simplex import log_probs, vertex_distance
from raytd.tasks.task import Task


def class_pair_costs(
    source: Source, target: Task, *, model: str, device: torch.device, threads: int
) -> Float64[np.ndarray, "source_classes target_classes"]:
    """How far w^s is from calling the images of each target class by each source class.

    The Fisher-Rao distance in radians from the prediction of w^s to the corner of the simplex
    that is the source class, averaged over the class's training images and weighted by its share
    of them: the costs of a matching add up to the mean distance that predictions on the target
    have to go.

    Args:
        source: trained on the source task alone.
        target: whose training images are predicted.
        model: name of the network.
        device: where to predict.
        threads: torch threads meanwhile.
    """
    part = target.train
    network = zoo.build(
        model,
        in_channels=target.image_shape[0],
        n_classes=source.weights.parameters[f"{source.head}.bias"].shape[0],
        seed=0,
    )
    source.weights.load_into(network)
    with torch_threads(threads):
        log_p = log_probs(logits(place(network, device).eval(), on_device(target, part, device)))
    distances = vertex_distance(log_p).cpu().numpy()
    n = len(part.labels)
    columns = [distances[part.labels == c].sum(axis=0) / n for c in range(len(target.classes))]
    return np.stack(columns, axis=1)
