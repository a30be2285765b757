"""How the coupling of a trial begins and changes: given, on its tiles, or over all pairs."""

from dataclasses import dataclass, replace
from typing import Any, Protocol, TypedDict

import numpy as np
import torch

from raytd.engine.measured_path import Crew
from raytd.engine.records import CouplingSettings, Dealt, Iteration, Plan, Solve
from raytd.models.features import for_cost
from raytd.transport.completion import complete
from raytd.transport.global_coupling import GlobalCoupling, spread_of
from raytd.transport.measured import MeasuredCosts
from raytd.transport.pairs import PairSpace
from raytd.transport.proximal import (
    CouplingStep,
    coupling_step,
    effective_partners,
    first_coupling,
)
from raytd.transport.solvers.problem import LinearProblem, independent_coupling
from raytd.transport.tiles import Tiles, deal_tiles


class CouplingRule(Protocol):
    """Chooses the coupling of each iteration."""

    def first(self, crew: Crew) -> Dealt:
        """Γ^0, and the tiles that carry it."""

    def next(self, record: Iteration) -> Dealt:
        """Γ^{k+1} from the costs C^k that were measured under Γ^k."""

    def memory(self) -> Any:
        """What it knows beside the last record, for a checkpoint."""

    def recall(self, memory: Any) -> None:
        """Goes on from what it knew."""


class Forgetful:
    """A rule whose next coupling follows from the last record alone."""

    def memory(self) -> None:
        """Nothing."""

    def recall(self, memory: None) -> None:
        """Nothing to be done."""


def rule_of(plan: Plan) -> CouplingRule:
    """The rule that a plan asks for."""
    if plan.coupling is None:
        return GivenCoupling(plan)
    if plan.coupling.support == "global":
        return GlobalRule(plan, plan.coupling)
    return TileRule(plan, plan.coupling)


class GivenCoupling(Forgetful):
    """The independent coupling, for ever."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def first(self, crew: Crew) -> Dealt:
        """Γ = a bᵀ on each tile."""
        tiles = _matched(self.plan, crew) if self.plan.dealing == "matched" else self.plan.tiles
        coupling = independent_coupling(tiles.a, tiles.b)
        solve = Solve(True, 0.0, 0, effective_partners(coupling), None, None)
        return Dealt(tiles, coupling.numpy(), solve)

    def next(self, record: Iteration) -> Dealt:
        """The same again."""
        return Dealt(record.tiles, record.coupling, record.solve)


class TileRule(Forgetful):
    """A coupling that lives on its tiles: one problem a tile, all solved together."""

    def __init__(self, plan: Plan, settings: CouplingSettings) -> None:
        self.plan, self.settings = plan, settings

    def first(self, crew: Crew) -> Dealt:
        """From the features, eq. (14)."""
        plan, settings = self.plan, self.settings
        space = feature_space(plan, crew)
        tiles = plan.tiles
        if plan.dealing == "matched":
            tiles = _matched(plan, crew, space)
        rows, cols = space.source_features[tiles.rows], space.target_features[tiles.cols]
        step = first_coupling(
            LinearProblem(torch.cdist(rows, cols) ** 2, tiles.a, tiles.b),
            epsilon=settings.epsilon,
            epsilon_unit=settings.epsilon_unit,
            tolerance=settings.tolerance,
            max_iterations=settings.max_iterations,
        )
        return Dealt(tiles, step.coupling.numpy(), _first(_solve(step), settings))

    def next(self, record: Iteration) -> Dealt:
        """A proximal step on the measured costs, eq. (17a)."""
        settings, tiles = self.settings, record.tiles
        step = coupling_step(
            LinearProblem(torch.from_numpy(record.cost), tiles.a, tiles.b),
            torch.from_numpy(record.coupling),
            epsilon=settings.epsilon,
            lam=settings.lam,
            proximal=settings.proximal,
            epsilon_unit=settings.epsilon_unit,
            tolerance=settings.tolerance,
            max_iterations=settings.max_iterations,
        )
        return Dealt(tiles, step.coupling.numpy(), _solve(step))


class _Limits(TypedDict):
    tolerance: float
    max_iterations: int


@dataclass
class GlobalRule:
    """A coupling over all pairs; the tiles are dealt anew in each iteration to carry most of it.

    Unmeasured costs are completed from measured ones, so that mass can move to any pair.
    """

    plan: Plan
    settings: CouplingSettings

    def first(self, crew: Crew) -> Dealt:
        """From the features over all pairs, eq. (14)."""
        self._space = feature_space(self.plan, crew)
        self._measured = MeasuredCosts.nothing(self.plan.tiles.n_target)
        self._coupling = GlobalCoupling.from_features(
            self._space,
            epsilon=self.settings.epsilon,
            epsilon_unit=self.settings.epsilon_unit,
            **self._limits(),
        )
        dealt = self._deal(spread=self._space.spread(), r_squared=None)
        return replace(dealt, solve=_first(dealt.solve, self.settings))

    def next(self, record: Iteration) -> Dealt:
        """A proximal step on measured and completed costs, then new tiles."""
        settings, tiles = self.settings, record.tiles
        cost = torch.from_numpy(record.cost)
        self._measured = self._measured.remember(tiles, cost, record.iteration)
        completion = complete(self._measured, self._space)
        spread = spread_of(completion.cost)
        self._coupling = self._coupling.step(
            completion.cost,
            spread=spread,
            epsilon=settings.epsilon,
            lam=settings.lam,
            proximal="kl" if settings.proximal == "kl" else "none",
            epsilon_unit=settings.epsilon_unit,
            **self._limits(),
        )
        return self._deal(spread=spread, r_squared=completion.r_squared)

    def memory(self) -> Any:
        """Features, measured costs and the coupling over all pairs."""
        return {"space": self._space, "measured": self._measured, "coupling": self._coupling}

    def recall(self, memory: Any) -> None:
        """Goes on from `memory`."""
        self._space, self._measured = memory["space"], memory["measured"]
        self._coupling = memory["coupling"]

    def _deal(self, *, spread: float, r_squared: float | None) -> Dealt:
        tiles = self._coupling.deal(self.settings.tile_size)
        projection = self._coupling.project(tiles, **self._limits())
        solves = (self._coupling.report, projection.report)
        warnings = [s.warning for s in solves if s.warning]
        solve = Solve(
            converged=all(s.converged for s in solves),
            marginal_error=max(s.marginal_error for s in solves),
            sinkhorn_iterations=sum(s.iterations for s in solves),
            effective_partners=effective_partners(projection.coupling),
            spread=spread,
            warning=warnings[0] if warnings else None,
            captured_mass=projection.captured,
            completion_r_squared=r_squared,
        )
        return Dealt(tiles, projection.coupling.numpy(), solve)

    def _limits(self) -> _Limits:
        settings = self.settings
        return {"tolerance": settings.tolerance, "max_iterations": settings.max_iterations}


def feature_space(plan: Plan, crew: Crew) -> PairSpace:
    """φ of every image, scaled to the wanted cost, and the classes of the images."""
    if plan.features is None:
        source, target = crew.features()
    else:
        source, target = (torch.from_numpy(each).double() for each in plan.features)
    cost = "sqeuclidean" if plan.coupling is None else plan.coupling.feature_cost
    source, target = for_cost(source, cost), for_cost(target, cost)
    labels = (torch.from_numpy(np.unique(y, return_inverse=True)[1]) for y in plan.labels)
    return PairSpace(source, target, *labels)


def _matched(plan: Plan, crew: Crew, space: PairSpace | None = None) -> Tiles:
    """Tiles whose images are close to one another in the features."""
    space = space or feature_space(plan, crew)
    return deal_tiles(
        plan.tiles.n_source,
        plan.tiles.n_target,
        tile_size=plan.tile_size,
        dealing="matched",
        features=(space.source_features, space.target_features),
    )


def _solve(step: CouplingStep) -> Solve:
    return Solve(
        converged=step.report.converged,
        marginal_error=step.report.marginal_error,
        sinkhorn_iterations=step.report.iterations,
        effective_partners=step.effective_partners,
        spread=step.spread,
        warning=step.warning,
    )


MEANT = (0.01, 100.0)
"""An absolute epsilon between these spreads of the feature costs raises no question."""


def _first(solve: Solve, settings: CouplingSettings) -> Solve:
    """The solve of Γ^0, which says so where an absolute epsilon does not suit the feature costs.

    Later costs are radians; those of features are in units of their own, of any size.
    """
    if settings.epsilon_unit != "absolute" or not solve.spread:
        return solve
    spreads = settings.epsilon / solve.spread
    if solve.converged and MEANT[0] <= spreads <= MEANT[1]:
        return solve
    said = (
        f"first coupling: epsilon = {settings.epsilon:g} counts in units of the feature cost "
        f"({settings.feature_cost} of '{settings.features}'), not in radians; the spread of these "
        f"costs is {solve.spread:.3g}, so that it is {spreads:.2g} spreads; set "
        "coupled.epsilon_unit: spread, or an epsilon for both costs"
    )
    return replace(solve, warning="; ".join(filter(None, (solve.warning, said))))
