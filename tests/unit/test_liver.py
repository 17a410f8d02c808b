"""ALT as a measured analyte: its distribution, one truth with the adverse event, and what dose rules do about it."""

import numpy as np
import pytest
from hand_made import STUDY, people, unit

from cohorts.adverse_events import Rates
from trial.app.echo import in_words
from trial.engine.apply_dose_rule import Action
from trial.engine.liver_draws import LiverDraws, draw_liver
from trial.engine.simulate import simulate_unit
from trial.jobs.work import simulate_replicates
from trial.study.load import load_study
from trial.study.study import Study

LINES = {"hold_at_least_uln": 3, "restart_below_uln": 1.5, "stop_at_least_uln": 5}
FIXED = {"ladder_mg": [5], "steps": [{"action": "keep"}], "source": "test", "alt": LINES}


def with_alt(top, onset, arms=(0,), **said):
    """Patients of base 20 and limit 40 U/L whose ALT rises to ``top`` times the limit on the day ``onset`` on drug."""
    n, yearly = len(arms), 36.525
    alt = {"half_life_days": 7} | said
    study = {"laboratory": STUDY["laboratory"] | {"alt": alt}, "dose_rules": {"ladder": FIXED}}
    rates = Rates(np.zeros(n), np.full(n, yearly), np.ones(n))
    clock = 0.1 * (np.asarray(onset) + 0.5) * np.ones(n)
    ones = np.ones(n)
    liver = LiverDraws(40 * ones, 20 * ones, top * ones, np.ones((n, 11)), clock, rates)
    return unit(arm=arms, study=study, liver=liver)


def course(u):
    result = simulate_unit(u)
    return [np.array([getattr(d.liver, name)[0] for d in result.decisions]) for name in ("true", "reported")] + [
        [(k, Action(int(d.action[0]))) for k, d in enumerate(result.decisions) if d.action[0] != Action.KEEP]
    ]


def test_a_hold_lasts_until_alt_has_fallen_by_its_half_life():
    """It rises on day 10, to 3.5 x 40; at the visit of day 14 the dose is held. The log-excess over 20, ln 7, halves
    every 7 days without drug: 20 x 7^(1/2) at the next. 53 is below 1.5 x 40, so that the drug is taken again.
    """
    true, reported, done = course(with_alt(3.5, 10))
    np.testing.assert_allclose(true[:5], [20, 20, 140, 20 * 7**0.5, 20 * 7**0.5], rtol=1e-12)
    assert reported[:4].tolist() == [20, 20, 140, 53]
    assert done == [(0, Action.START), (2, Action.INTERRUPT), (3, Action.RESTART)]


def test_five_times_the_limit_ends_the_drug_for_good():
    true, _, done = course(with_alt(6.0, 10))
    assert done == [(0, Action.START), (2, Action.STOP)]
    np.testing.assert_allclose(true[2:6], 20 * 12.0 ** (0.5 ** np.arange(4)), rtol=1e-12)


def test_a_line_is_reached_at_its_very_value():
    """3 x 40 U/L holds where 3 is the line, 5 x 40 stops; 1.5 x 40, asked for below 1.5, does not restart yet."""
    assert course(with_alt(3.0, 10))[2][1] == (2, Action.INTERRUPT)
    assert course(with_alt(5.0, 10))[2] == [(0, Action.START), (2, Action.STOP)]
    half_life = 7 * np.log(2) / np.log(np.log(6) / np.log(3))  # 20 x 6 U/L falls to 20 x 3 in a week
    assert course(with_alt(3.0, 10, half_life_days=half_life))[2][2] == (4, Action.RESTART)


def test_on_placebo_nothing_rises_and_a_later_report_acts_later():
    assert course(with_alt(6.0, 10, arms=(1,)))[2] == [(0, Action.START)]
    late = simulate_unit(with_alt(6.0, 10, turnaround_days=3))
    assert [int(d.day[0]) for d in late.decisions[:3]] == [0, 7, 17]
    np.testing.assert_allclose(late.decisions[3].liver.true[0], 20 * 12 ** (2 ** (-4 / 7)), rtol=1e-12)


def test_values_of_people_have_the_medians_and_variation_that_are_asked_for():
    """4,000 women: log-normal, median 16, CV 28.2 % between; 9.3 % within; a rise beyond 5 in exp(-ln(5/3) / 0.5)."""
    study = Study.model_validate(STUDY | {"laboratory": STUDY["laboratory"] | {"alt": {}}})
    n = 4000
    found = draw_liver(study, people(n))
    log, sd = np.log(found.base), np.sqrt(np.log1p(0.282**2))
    assert np.median(found.base) == pytest.approx(16, rel=4.5 * 1.2533 * sd / np.sqrt(n))
    assert log.std() == pytest.approx(sd, rel=4.5 / np.sqrt(2 * n))
    within = np.log(found.error).std()
    assert within == pytest.approx(np.sqrt(np.log1p(0.093**2)), rel=4.5 / np.sqrt(2 * n * 11))
    share = np.exp(-np.log(5 / 3) / 0.5)
    assert (found.top >= 5).mean() == pytest.approx(share, abs=4.5 * np.sqrt(share * (1 - share) / n))
    assert found.top.min() >= 3 and (found.limit == 40).all()


@pytest.fixture(scope="module")
def whole():
    """A trial in which ALT is measured, with a rule that acts on it, and with the adverse events; the same without."""
    more = ["patients=300", "replicates=1", "published=null", "parameter_set=hetrombopag_wang_2022", "pk_sampling=null",
            "tolerability={proxies: [ALT3]}"]  # fmt: skip
    base = load_study("configs/published/hetrombopag_itp_phase3_24_weeks.yaml", more)
    lines = {**LINES, "stop_at_least_uln": 8}
    rules = {name: rule.model_dump(mode="json") | {"alt": lines} for name, rule in base.dose_rules.items()}
    said = base.model_dump(mode="json")
    said["laboratory"]["alt"] = {"within_cv": 0.0}
    measured = Study.model_validate(said)
    acted = Study.model_validate(said | {"dose_rules": rules})
    return [simulate_replicates(study, range(1)) for study in (base, measured, acted)], acted


def test_the_adverse_event_is_the_day_on_which_alt_rises(whole):
    """At the first visit after the event ALT is 3 times the limit or more, or what a half-life of 14 days leaves of it
    had no drug been taken since; before, and on the day itself, whose sample comes first, it is not.
    """
    for found in whole[0][1:]:
        seen = found["observations"].to_pandas()
        alt = seen[seen.PARAMCD == "ALT"].merge(found["patients"].to_pandas()[["SUBJID", "SEX"]], on="SUBJID")
        alt["ULN"] = alt.TRUEVAL / np.where(alt.SEX == "M", 50, 40)
        event = found["adverse"].to_pandas().set_index("SUBJID").ADY
        assert len(event) >= 5
        day = alt.SUBJID.map(event)
        before = day.isna() | (day >= alt.ADY)
        assert alt.ULN[before].max() < 2.5
        first = alt[~before].sort_values("ADY").groupby("SUBJID").first()
        base = alt[alt.AVISITN == 0].set_index("SUBJID").ULN.reindex(first.index)
        days = first.ADY - first.index.map(event)
        assert len(first) >= 5 and (first.ULN >= 3).sum() >= 5
        assert (np.log(first.ULN / base) >= np.log(3 / base) * 0.5 ** (days / 14) - 1e-9).all()


def test_measuring_alone_changes_no_other_number_and_the_rule_says_why_it_acts(whole):
    (plain, measured, acted), study = whole
    assert all(measured[name].equals(plain[name]) for name in plain if name != "observations")
    seen = measured["observations"].to_pandas()
    rest = seen[seen.PARAMCD != "ALT"].reset_index(drop=True).astype({"PARAMCD": str})
    assert rest.equals(plain["observations"].to_pandas().astype({"PARAMCD": str}))
    why = acted["doses"].to_pandas().groupby("ACTION", observed=True).REASON.unique()
    assert "interrupt: ALT 3 x ULN or more" in list(why["interrupt"])
    assert "restart: ALT below 1.5 x ULN" in list(why["restart"])
    words = in_words(study)
    assert any("hold at ALT 3 x ULN or more; go on at ALT below 1.5 x ULN" in line for line in words)
    assert any("ALT of every visit: median 22 U/L in men (limit 50)" in line for line in words)


@pytest.mark.parametrize(
    ("lines", "alt", "words"),
    [
        (LINES, None, "nobody measures ALT"),
        ({}, {}, "nothing is done"),
        ({"hold_at_least_uln": 3}, {}, "needed where ALT holds the drug"),
        ({"hold_at_least_uln": 3, "restart_below_uln": 4}, {}, "at most hold_at_least_uln, 3"),
        ({**LINES, "stop_at_least_uln": 2}, {}, "more than hold_at_least_uln, 3"),
        (LINES, {"men_median_U_L": 60}, "below the upper limit of normal, 50"),
        (LINES, {"turnaround_days": 8}, "visits may be 7 days apart"),
    ],
)
def test_what_makes_no_sense_is_refused(lines, alt, words):
    laboratory = STUDY["laboratory"] | ({} if alt is None else {"alt": alt})
    with pytest.raises(ValueError, match=words):
        Study.model_validate(STUDY | {"laboratory": laboratory, "dose_rules": {"ladder": FIXED | {"alt": lines}}})


@pytest.mark.parametrize(
    ("times", "actions"),
    [
        ((2.9, 4.9, 5.0), (Action.KEEP, Action.INTERRUPT, Action.STOP)),
        ((3.0, 5.1, 3.1), (Action.INTERRUPT, Action.STOP, Action.INTERRUPT)),
    ],
)
def test_lines_are_crossed_on_their_value(times, actions):
    """Held from 3 times the limit on, for good from 5 on, in whole numbers."""
    n = len(times)
    u = with_alt(np.array(times), 10, arms=(0,) * n)
    found = simulate_unit(u).decisions[2]
    np.testing.assert_allclose(found.liver.reported, 40 * np.array(times))
    assert [Action(int(a)) for a in found.action] == list(actions)


def test_the_drug_is_taken_again_below_the_line_alone():
    """The log-excess halves in a week: 20 x (top x 2)^(1/2) is 1.5 x 40 at a top of 4.5, and below it at 4.49."""
    u = with_alt(np.array([4.49, 4.5, 4.51]), 10, arms=(0, 0, 0))
    found = simulate_unit(u).decisions
    assert found[3].liver.reported.tolist() == [60, 60, 60], "rounded to whole U/L, the three are on the line"
    assert [Action(int(a)) for a in found[3].action] == [Action.KEEP] * 3
    assert [Action(int(a)) for a in found[4].action] == [Action.RESTART] * 3
