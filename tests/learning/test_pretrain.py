"""Training a source: the schedules, the early stop and its weights, the augmentation."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from raytd.learning.pretrain import Recipe, accuracy, logits, on_device, pretrain, steps_of
from raytd.tasks.task import Task
from raytd.transfer.settings import Descent
from tests.conftest import small_task

CPU = torch.device("cpu")
RECIPE = Recipe("cnn8-narrow", 0, Descent(batch_size=10, lr=0.1), "constant", seed=1)
PER_EPOCH, EPOCHS = 3, 8


@pytest.fixture(scope="module")
def task() -> Task:
    return small_task("digits-low")


@pytest.fixture(scope="module")
def after_each_epoch(task: Task) -> list[nn.Module]:
    """The network after 1, 2, … epochs at a constant rate, each trained from the start."""
    recipes = (replace(RECIPE, steps=PER_EPOCH * (e + 1)) for e in range(EPOCHS))
    return [pretrain(task, recipe, device=CPU) for recipe in recipes]


def weights(model: nn.Module) -> dict[str, Tensor]:
    return model.state_dict()


@pytest.mark.parametrize(("milestones", "gamma"), [((180, 360, 480), 0.2), ((1,), 0.5)])
def test_the_step_schedule_is_that_of_torch(milestones: tuple[int, ...], gamma: float) -> None:
    per_epoch = steps_of(1, 250, 100)
    drops = tuple(m * per_epoch for m in milestones)
    recipe = replace(RECIPE, steps=600 * per_epoch, schedule="step", drops=drops, gamma=gamma)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones, gamma=gamma)
    for epoch in range(600):
        rates = [0.1 * recipe.rate(epoch * per_epoch + i) for i in range(per_epoch)]
        # Products of gamma in another order.
        assert rates == pytest.approx([scheduler.get_last_lr()[0]] * per_epoch, rel=1e-12)
        optimizer.step()
        scheduler.step()


def test_the_rates_of_a_schedule_are_those_that_train(task: Task) -> None:
    """A rate that falls to nothing after an epoch leaves the weights where that epoch ends."""
    free = replace(RECIPE, descent=Descent(batch_size=10, lr=0.1, weight_decay=0))
    one = pretrain(task, replace(free, steps=PER_EPOCH), device=CPU)
    recipe = replace(free, steps=3 * PER_EPOCH, schedule="step")
    stopped = pretrain(task, replace(recipe, drops=(PER_EPOCH,), gamma=1e-30), device=CPU)
    learnt = {n: p.detach() for n, p in one.named_parameters()}
    # Steps of 1e-30 vanish in float32.
    torch.testing.assert_close(
        {n: p.detach() for n, p in stopped.named_parameters()}, learnt, rtol=0, atol=0
    )


def expected_epoch(scores: list[float], patience: int) -> int:
    """The best epoch among those before `patience` epochs without a better one, from 0."""
    best = 0
    for epoch, score in enumerate(scores):
        if score > scores[best]:
            best = epoch
        if epoch - best >= patience:
            break
    return best


@pytest.mark.parametrize("patience", [1, 2, EPOCHS])
@pytest.mark.parametrize("watched", ["loss", "accuracy"])
def test_an_early_stop_keeps_the_weights_of_the_best_epoch(
    task: Task, after_each_epoch: list[nn.Module], watched: str, patience: int
) -> None:
    val = on_device(task, task.val, CPU)
    if watched == "accuracy":
        scores = [accuracy(m, val) for m in after_each_epoch]
    else:
        losses = [nn.functional.cross_entropy(logits(m, val), val.labels) for m in after_each_epoch]
        scores = [-float(loss) for loss in losses]
    assert len(set(scores)) > 1
    best = after_each_epoch[expected_epoch(scores, patience)]
    recipe = replace(RECIPE, steps=PER_EPOCH * EPOCHS, early_stop=watched, patience=patience)
    stopped = pretrain(task, recipe, device=CPU)
    torch.testing.assert_close(weights(stopped), weights(best), rtol=0, atol=0)


def test_some_early_stop_ends_before_the_last_epoch(
    task: Task, after_each_epoch: list[nn.Module]
) -> None:
    """Else the test above would hold for a stop that never stops."""
    val = on_device(task, task.val, CPU)
    scores = [accuracy(m, val) for m in after_each_epoch]
    assert expected_epoch(scores, 1) != expected_epoch(scores, EPOCHS)


def test_augmentation_changes_what_is_learnt_in_the_same_way_each_time(task: Task) -> None:
    recipe = replace(RECIPE, steps=6, augment="crop-flip")
    one, two = (weights(pretrain(task, recipe, device=CPU)) for _ in range(2))
    plain = weights(pretrain(task, replace(recipe, augment="none"), device=CPU))
    torch.testing.assert_close(one, two, rtol=0, atol=0)
    assert not torch.equal(one["head.weight"], plain["head.weight"])
