"""What every parameter set must do when it is simulated, and the printed features of hetrombopag in healthy men."""

import numpy as np
import pytest

from analysis.endpoints.nca import auc, exposure
from cohorts.sets import PARAMETER_SETS, parameter_set
from trial.models import structure_of
from trial.models.behaviour import _unmoved, behaviour_problems
from trial.models.typical import concentrations, course

HETROMBOPAG = parameter_set("hetrombopag_wang_2022")
EVERY_SET = pytest.mark.parametrize("chosen", PARAMETER_SETS, ids=lambda s: s.id)
SAMPLES_H = np.array([0.5, 1, 2, 3, 4, 6, 8, 10, 12, 16, 24, 36, 48, 72, 96, 120, 144, 168])
SINGLE_DOSES = (5.0, 10.0, 20.0, 30.0, 40.0)


@EVERY_SET
def test_no_drug_no_change_a_dose_moves_every_state_and_more_moves_platelets_further(chosen):
    assert not behaviour_problems(chosen)


def test_platelets_stay_below_the_ceiling_of_the_effect():
    """tmdd_lifespan: production at most 1 + EMAX fold."""
    ceiling = HETROMBOPAG.value("BASE") * (1.0 + HETROMBOPAG.value("EMAX"))
    assert course(HETROMBOPAG, HETROMBOPAG.validity.dose_high_mg)["PLT"].max() < ceiling


@EVERY_SET
def test_a_non_responder_has_drug_but_no_effect(chosen):
    mixed = next(c for c in chosen.classes if c.name == "nonresponder")
    seen = course(chosen.with_values({mixed.parameter: chosen.value(mixed.value)}), chosen.validity.dose_high_mg)
    assert seen["CTOT"].max() > 1.0
    assert seen["PLT"] == pytest.approx(chosen.value("BASE"), rel=1e-5)


@pytest.fixture(scope="module", params=["hetrombopag_wang_2022", "hetrombopag_healthy_zheng_2017"])
def man(request):
    """The typical man of either structure; the kinetics of the mechanism's hetrombopag sets are one and the same."""
    return parameter_set(request.param)


@pytest.fixture(scope="module")
def healthy(man):
    """NCA of the typical man after single doses as in Zheng 2017, lower limit of quantification 0.5 ng/mL."""
    profiles = {dose: concentrations(man, dose, [0], SAMPLES_H, base_1e9L=230.0) for dose in SINGLE_DOSES}
    return {dose: exposure([0.0, *SAMPLES_H], [0.0, *profile], lloq=0.5) for dose, profile in profiles.items()}


def test_time_of_the_peak(healthy):
    assert all(6.0 <= e.tmax <= 10.0 for e in healthy.values())


def test_half_life_grows_with_the_dose(healthy):
    half_lives = [healthy[dose].half_life for dose in SINGLE_DOSES]
    assert half_lives == sorted(half_lives)
    assert 10.0 <= half_lives[0] <= 14.0 and 34.0 <= half_lives[-1] <= 46.0


def test_peak_is_proportional_and_area_more_than_proportional(healthy):
    assert 0.8 <= healthy[40.0].cmax / healthy[5.0].cmax / 8 <= 1.25
    assert 1.15 <= healthy[40.0].auc_inf / healthy[5.0].auc_inf / 8 <= 2.0


@pytest.mark.parametrize("lloq", [0.2, 0.5, 1.0])
def test_half_life_at_5_mg_does_not_hang_on_the_assay(man, lloq):
    profile = concentrations(man, 5.0, [0], SAMPLES_H, base_1e9L=230.0)
    assert 9.0 <= exposure(SAMPLES_H, profile, lloq=lloq).half_life <= 16.0


def test_steady_state_after_seven_days(man):
    hours = np.arange(0.0, 240.25, 0.25)
    profile = np.append(0.0, concentrations(man, 5.0, range(10), hours[1:], base_1e9L=230.0))
    area = [float(auc(hours[day], profile[day])) for day in (slice(576, 673), slice(864, 961))]
    assert 0.95 <= area[0] / area[1] <= 1.0


def test_what_is_nothing_with_and_without_drug_is_not_moved():
    chosen = parameter_set("hetrombopag_wang_2022")
    model = structure_of(chosen)
    nothing = {name: np.zeros(3) for name in (*(state.name for state in model.states), *model.output_names)}
    said = list(_unmoved(chosen, nothing, nothing, 5.0))
    assert len(said) > 5 and all("do not move it" in line for line in said)
    assert list(_unmoved(chosen, nothing, {name: values + 1 for name, values in nothing.items()}, 5.0)) == []
