"""The one trial of a pair, and what gives more than one."""

import pytest

from raytd.errors import RequestError
from raytd.sweep.trials.single import single_trial

ENDS = ("digits-low", "digits-high")


def test_settings_that_give_several_trials_are_refused_with_their_number() -> None:
    assert single_trial(ENDS, {"methods": ["leep"]}).config.method == "leep"
    with pytest.raises(RequestError) as error:
        single_trial(ENDS, {"methods": ["leep", "nce"]}, overrides=["grid.seed=[0, 1]"])
    assert error.value.problems == ["raytd.distance: one trial is wanted, but the settings give 4"]
