"""One step of SGD on the parameters of a model."""

import torch
from torch import Tensor, nn
from torch.optim.sgd import sgd

from raytd.transfer.state import Tensors, copy_to_cpu


class SgdRule:
    """SGD with momentum and weight decay, as `torch.optim.SGD` computes it.

    That class loads PyTorch's compiler when it is first used, about a second of each process; the
    function that computes its steps does not.

    Args:
        model: has the parameters, which `step` changes in place.
        momentum: from 0, for none.
        weight_decay: on every parameter.
    """

    def __init__(self, model: nn.Module, *, momentum: float, weight_decay: float) -> None:
        self._parameters = dict(model.named_parameters())
        self._buffers: dict[str, Tensor | None] = dict.fromkeys(self._parameters)
        self._momentum, self._weight_decay = momentum, weight_decay

    def step(self, loss: Tensor, lr: float) -> None:
        """Takes one step down the gradient of a loss; a parameter that it does not reach stays."""
        for parameter in self._parameters.values():
            parameter.grad = None
        torch.autograd.backward(loss)
        gradients = {n: p.grad for n, p in self._parameters.items() if p.grad is not None}
        buffers = [self._buffers[name] for name in gradients]
        with torch.no_grad():
            sgd(
                [self._parameters[name] for name in gradients],
                list(gradients.values()),
                buffers,
                weight_decay=self._weight_decay,
                momentum=self._momentum,
                lr=lr,
                dampening=0.0,
                nesterov=False,
                maximize=False,
            )
        self._buffers.update(zip(gradients, buffers, strict=True))

    @property
    def momentum(self) -> Tensors:
        """A copy of each parameter's momentum on the CPU; 0 where there is none yet."""
        return {
            name: copy_to_cpu(torch.zeros_like(self._parameters[name]) if kept is None else kept)
            for name, kept in self._buffers.items()
        }

    @momentum.setter
    def momentum(self, values: Tensors) -> None:
        for name, parameter in self._parameters.items():
            self._buffers[name] = torch.empty_like(parameter).copy_(values[name])
