import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

NETS = """\
from torch import nn
import torch


def plain(*, in_channels, n_classes, width=8, act="relu"):
    acts = {"relu": nn.ReLU(), "tanh": nn.Tanh()}
    hidden = nn.Linear(64 * in_channels, width)
    return nn.Sequential(nn.Flatten(), hidden, acts[act], nn.Linear(width, n_classes))


def broken(*, in_channels, n_classes):
    raise RuntimeError("no such luck\\nsecond line")


def text(*, in_channels, n_classes):
    return "a model"


def headless(*, in_channels, n_classes):
    return nn.Sequential(nn.Conv2d(in_channels, n_classes, 8), nn.Flatten())


def narrow(*, in_channels, n_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(64 * in_channels, 3))


def unbiased(*, in_channels, n_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(64 * in_channels, n_classes, bias=False))


def softmax(*, in_channels, n_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(64 * in_channels, n_classes), nn.Softmax(1))


def flat(*, in_channels, n_classes):
    linear = nn.Linear(64 * in_channels, n_classes)
    return nn.Sequential(nn.Flatten(), linear, nn.Flatten(0))


class Pair(nn.Sequential):
    def forward(self, x):
        return super().forward(x), x


def pair(*, in_channels, n_classes):
    return Pair(nn.Flatten(), nn.Linear(64 * in_channels, n_classes))


class Infinite(nn.Linear):
    def forward(self, x):
        return super().forward(x) / (0 if self.training else 1)


def infinite(*, in_channels, n_classes):
    return nn.Sequential(nn.Flatten(), Infinite(64 * in_channels, n_classes))


class AlwaysDropped(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x, 0.5, training=True)


def dropped(*, in_channels, n_classes):
    return nn.Sequential(nn.Flatten(), AlwaysDropped(), nn.Linear(64 * in_channels, n_classes))


def widening(*, in_channels, n_classes):
    hidden = nn.Linear(64 * in_channels, 2 * n_classes)
    return nn.Sequential(nn.Flatten(), hidden, nn.Linear(2 * n_classes, n_classes))


GENERATOR = torch.Generator().manual_seed(0)


def unseeded(*, in_channels, n_classes):
    model = plain(in_channels=in_channels, n_classes=n_classes)
    nn.init.normal_(model[1].weight, generator=GENERATOR)
    return model


CONSTANT = 3
"""


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's module `their_nets` on the path; its file."""
    path = tmp_path / "their_nets.py"
    path.write_text(NETS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "their_nets", raising=False)
    yield path
    sys.modules.pop("their_nets", None)
