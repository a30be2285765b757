"""One step of SGD: PyTorch's own, at less cost to a process that starts."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from raytd.transfer.rule import SgdRule

LOADED = """
import sys
import torch
from raytd.transfer.rule import SgdRule
model = torch.nn.Linear(2, 2)
SgdRule(model, momentum=0.9, weight_decay=0.1).step(model(torch.ones(1, 2)).sum(), 0.1)
print(*sorted({"sympy", "torch._dynamo", "scipy", "sklearn"} & set(sys.modules)))
"""


def test_it_loads_no_compiler() -> None:
    """Each process that trains would pay a second for it."""
    ended = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True)
    assert (ended.stdout, ended.stderr) == ("\n", "")


def test_gradients_of_others_do_not_count_and_what_a_loss_does_not_reach_stays() -> None:
    model = nn.ModuleDict({"used": nn.Linear(2, 1), "idle": nn.Linear(2, 1)})
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 100.0)
    rule = SgdRule(model, momentum=0.9, weight_decay=0.0)
    rule.step(model["used"](torch.ones(3, 2)).mean(), 0.5)
    for name, parameter in model.named_parameters():
        moved = 0.5 if name.startswith("used") else 0.0
        torch.testing.assert_close(parameter.detach(), before[name] - moved)
        torch.testing.assert_close(rule.momentum[name], torch.full_like(parameter, 2 * moved))


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_steps_are_those_of_pytorch(momentum: float) -> None:
    ours, theirs = (nn.Linear(3, 2) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    rule = SgdRule(ours, momentum=momentum, weight_decay=0.1)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=1.0, momentum=momentum, weight_decay=0.1)
    images = torch.randn(4, 5, 3)
    for batch, lr in zip(images, (0.1, 0.2, 0.05, 0.3), strict=True):
        rule.step(ours(batch).square().mean(), lr)
        optimizer.param_groups[0]["lr"] = lr
        optimizer.zero_grad()
        theirs(batch).square().mean().backward()
        optimizer.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(one, other)
