"""What may be chosen of how images are dealt into tiles and how couplings are found."""

from typing import Literal

Dealing = Literal["random", "index", "matched"]
Support = Literal["blocks", "global"]
EpsilonUnit = Literal["spread", "absolute"]
Covariance = Literal["full", "diagonal"]
Proximal = Literal["kl", "linear", "frobenius", "none"]
