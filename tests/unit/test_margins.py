"""Margins of the study's own: what the enrolled patients of a large replicate then have."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cohorts.margins import MarginError, _age, _count, with_margins
from cohorts.populations import population
from cohorts.sampler import sample_cohorts
from cohorts.sets import parameter_set
from cohorts.streams import Streams
from trial.app.echo import in_words
from trial.app.loading import load_checked
from trial.app.study_run import facts_of
from trial.errors import ConfigError
from trial.study.fingerprint import fingerprint
from trial.study.load import load_study

CONFIG = Path(__file__).parents[2] / "configs" / "published" / "hetrombopag_itp_phase3.yaml"
N = 4000
STUDY = load_study(CONFIG)


def enrolled(name, **margins):
    chosen = with_margins(population(name), margins, STUDY.screening)
    return sample_cohorts(
        parameter_set("hetrombopag_itp_mei_2021"),
        chosen,
        n=N,
        replicates=(0,),
        streams=Streams(3),
        screening=STUDY.screening,
    ).patients


@pytest.mark.parametrize("name", ["chronic_itp_mei_2021", "chronic_itp_bussel_2007"])
@pytest.mark.parametrize(("age", "count", "female", "out"), [(55, 16, 0.3, 0.25), (30, 9, 1.0, 0.02)])
def test_the_enrolled_have_the_margins_that_were_asked(name, age, count, female, out):
    """Medians within 4.5 standard errors (1.2533 sd / sqrt(n)), rounding and what duration takes of the young (1 y);
    shares within 4.5 binomial ones, the splenectomised also by what the age cut takes of the durations (0.01).
    """
    found = enrolled(name, age_median_y=age, platelets_median_1e9L=count, female_share=female, splenectomised_share=out)
    error = 4.5 * 1.2533 / np.sqrt(N)
    assert found["AGE"].median() == pytest.approx(age, abs=1.0 + error * found["AGE"].std())
    assert found["BLPLAT"].median() == pytest.approx(count, abs=0.5 + error * found["BLPLAT"].std())
    assert (found["SEX"] == "F").mean() == pytest.approx(female, abs=4.5 * np.sqrt(female * (1 - female) / N))
    share = (found["SPLENFL"] == "Y").mean()
    assert share == pytest.approx(out, abs=0.01 + 4.5 * np.sqrt(out * (1 - out) / N))


def test_no_margin_no_other_number():
    one = population("chronic_itp_mei_2021")
    assert with_margins(one, {}, STUDY.screening) == one
    moved = with_margins(one, {"female_share": 0.5}, STUDY.screening)
    assert [p.name for p, q in zip(moved.parameters, one.parameters, strict=True) if p != q] == ["FEMALE"]
    assert moved.value("FEMALE") == 0.5


@pytest.mark.parametrize(
    ("margins", "said"),
    [
        ({"age_median_y": 80.0}, "allowed: well between 18 and 74"),
        ({"age_median_y": 18.0}, "seen 18"),
        ({"platelets_median_1e9L": 30.0}, "allowed: well between 1 and 29"),
    ],
)
def test_margins_that_nobody_can_have(margins, said):
    with pytest.raises(MarginError, match=said):
        with_margins(population("chronic_itp_mei_2021"), margins, STUDY.screening)


def test_healthy_people_have_their_spleen():
    with pytest.raises(MarginError, match="no splenectomies"):
        with_margins(population("healthy_zheng_2017"), {"splenectomised_share": 0.1}, STUDY.screening)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("population.margins={age_median_y: 80}", "population.margins.age_median_y: seen 80"),
        ("population.margins={}", "population.margins: nothing is given; allowed: age_median_y, female_share"),
        ("population.margins={female_share: 40}", "population.margins.female_share"),
        ("population.margins={age_meadian_y: 40}", "did you mean age_median_y"),
    ],
)
def test_a_config_is_told(override, said):
    with pytest.raises(ConfigError, match=said.replace(".", r"\.")):
        load_checked(CONFIG, [override])


def test_another_population_is_another_design():
    own = load_study(CONFIG, ["population.margins={female_share: 0.5}"])
    assert fingerprint(own) != fingerprint(STUDY)


def test_the_manifest_names_the_margins():
    own = load_study(CONFIG, ["population.margins={female_share: 0.5}"])
    assert facts_of(own)["population_margins"] == {"female_share": 0.5}
    assert "population_margins" not in facts_of(load_study(CONFIG))


def test_the_protocol_in_words_says_the_margins():
    own = load_study(CONFIG, ["population.margins={female_share: 0.5}"])
    line = next(line for line in in_words(own) if line.startswith("population"))
    assert line == "population chronic_itp_mei_2021, with margins of the study's own: female_share 0.5"


def test_the_age_of_the_middle_of_a_range_is_the_mean_of_the_law():
    """Ages of 40 completed years lie around 40.5, the middle of 20 to 61; counts by their logarithms, 8 of 2 to 32."""
    criteria = SimpleNamespace(age_at_least_y=18, age_at_most_y=60, platelets_at_least_1e9L=2.5,
                               platelets_below_1e9L=32.5)  # fmt: skip
    law = {"AGE_LOW": 20.0, "AGE_HIGH": 90.0, "AGE_SD": 10.0, "PLT_LOG_SD": 0.7}
    assert _age(law, 40, criteria) == {"AGE": pytest.approx(40.5, rel=1e-9)}
    assert _count(law, 8, criteria) == {"PLT": pytest.approx(8.0, rel=1e-9)}
