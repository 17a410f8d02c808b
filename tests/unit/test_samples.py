"""What happens to samples: delays longer than an interval, lost and clumped ones, re-tests, a second laboratory."""

from dataclasses import fields

import numpy as np
import pytest
from hand_made import unit
from pydantic import ValidationError

from trial.engine.dosing import dose_mg
from trial.engine.draws import Drawn
from trial.engine.samples import Samples
from trial.engine.simulate import simulate_unit
from trial.engine.visit_decisions import apply_rules, start_course
from trial.jobs.work import enrolment, simulate_replicates, unit_of
from trial.study.analytes import Laboratory
from trial.study.load import load_study

FIXED = {"arms": [{"id": "DRUG", "start_dose_mg": 5, "placebo": True}], "dose_rules": {},
         "randomisation": {"block_size": 1}}  # fmt: skip
LADDER = {
    "arms": [{"id": "DRUG", "start_dose_mg": 2.5, "dose_rule": "r"}],
    "dose_rules": {
        "r": {"ladder_mg": [2.5, 5, 7.5, 10], "source": "test", "steps": [{"below_1e9L": 50, "action": "increase"}]}
    },
    "randomisation": {"block_size": 1},
}


def lab(**said):
    return {"laboratory": {"whole_numbers": False, "lower_limit_1e9L": 0} | said}


def small(*settings, patients=30):
    fixed = ["rescue.allowed=false", "published=null", "pk_sampling=null", "dose_rules=null", "dropout=[]"]
    arms = ["arms=[{id: A, start_dose_mg: 5}]", "randomisation={block_size: 1}", "analysis.reference_arm=null"]
    return load_study("configs/smoke.yaml", [f"patients={patients}", *fixed, *arms, *settings], replicates=1)


# Delays.


@pytest.mark.parametrize(
    ("turnaround", "from_21"),
    [
        (0, [10] * 7),
        (3, [7.5] * 3 + [10] * 4),
        (7, [7.5] * 7),
        (10, [5] * 3 + [7.5] * 4),
        (17, [2.5] * 3 + [5] * 4),
        (30, [2.5] * 7),
    ],
)
def test_a_change_of_dose_waits_for_its_report_however_long(turnaround, from_21):
    """Low at the visits of days 7, 14 and 21: a rung up each, from so many days later on. Days 21 to 27, by hand."""
    u = unit(arm=(0,), study=LADDER | lab(turnaround_days=turnaround))
    course, _ = start_course(u)
    for visit in (1, 2, 3):
        course, made = apply_rules(u, course, np.array([20.0]), visit)
        assert made.day.tolist() == [7 * visit + turnaround] and made.dose_mg.tolist() == [2.5 + 2.5 * visit]
    assert dose_mg(u, course, np.arange(21, 28)[None]).tolist() == [from_21]


def test_what_is_taken_is_what_the_ledger_says_when_reports_are_late():
    """Every dose of the course is that of the ledger's period, with reports 16 days after weekly visits."""
    u = unit(arm=(0, 0), parameters={"EMAX": 0.0}, study=LADDER | lab(turnaround_days=16))
    result = simulate_unit(u)
    changes = [(int(d.day[0]), float(d.dose_mg[0])) for d in result.decisions if d.action[0]]
    assert changes == [(0, 2.5), (23, 5), (30, 7.5), (37, 10)]
    course, _ = start_course(u)
    for visit, seen in enumerate(result.visits, start=1):
        first, last = (int(u.drawn.visit_day[0, v]) for v in (visit - 1, visit))
        days = np.tile(np.arange(first, last), (2, 1))
        expected = [next(dose for day, dose in reversed(changes) if day <= d) for d in range(first, last)]
        assert dose_mg(u, course, days)[0].tolist() == expected
        course, _ = apply_rules(u, course, seen.count, visit)


# Lost and clumped samples.


def test_a_lost_sample_gives_no_count_and_the_visit_takes_place():
    lost, whole = (simulate_replicates(small(*s), range(1)) for s in (["laboratory.lost_probability=0.3"], []))
    seen, all_seen = (t["observations"].to_pandas() for t in (lost, whole))
    gone = seen.AVALREAS == "sample lost"
    assert (seen.PARAMCD[gone] == "PLAT").all() and seen.AVAL[gone].isna().all() and seen.TRUEVAL[gone].isna().all()
    assert not (gone & (seen.AVISITN == 0)).any()
    had = (all_seen.PARAMCD == "PLAT") & all_seen.AVAL.notna() & (all_seen.AVISITN > 0)
    share, n = gone[had].mean(), had.sum()
    assert abs(share - 0.3) < 4 * np.sqrt(0.3 * 0.7 / n) and n > 200
    kept = ~gone
    for name in ("AVAL", "TRUEVAL", "ADY"):
        np.testing.assert_array_equal(seen[kept][name], all_seen[kept][name], err_msg=name)


def test_a_lost_sample_decides_nothing():
    samples = Samples(lost=np.array([[False, True] + [False] * 9, [False] * 11]))
    result = simulate_unit(unit(arm=(0, 0), study=LADDER | lab(), samples=samples))
    first = result.decisions[1]
    assert np.isnan(first.count[0]) and first.action.tolist() == [0, 2]
    assert result.visits[0].counts.lacks.tolist() == [1, 0] and not np.isnan(result.visits[0].bleeding).any()


def test_a_clumped_sample_counts_low_and_one_that_is_noticed_gives_no_count():
    clumped = np.zeros((3, 11), bool)
    clumped[:2, 1] = True
    samples = Samples(clumped=clumped, noticed=np.array([[True] * 11] + [[False] * 11] * 2))
    study = FIXED | lab(clumping={"probability": 0.5, "factor": 0.25, "noticed": 0.5})
    visit = simulate_unit(unit(arm=(0, 0, 0), study=study, samples=samples)).visits[0]
    np.testing.assert_allclose(visit.count, [np.nan, 13 * 0.25, 13], rtol=1e-6)
    assert visit.counts.lacks.tolist() == [2, 0, 0]
    np.testing.assert_allclose(visit.true_count, [np.nan, 13, 13], rtol=1e-6)


# Re-tests.

AGAIN = {"below_1e9L": 1, "at_least_1e9L": 200, "after_days": 2}


def retested(study=None, **more):
    """Patients with measured counts of 0.5, 13 and 260 on day 7, whose re-tests read 12, 13 and 14; no drug effect."""
    n, z = 3, np.log1p(0.3**2) ** 0.5
    count_z, again_z = np.zeros((n, 11)), np.zeros((n, 11))
    count_z[:, 1], again_z[:, 1] = np.log([0.5 / 13, 1, 20]) / z, np.log([12 / 13, 1, 14 / 13]) / z
    plan = {"count_z": count_z, "samples": Samples(again_z=again_z)} | more
    return unit(arm=(0,) * n, parameters={"ASSAY_CV": 0.3, "EMAX": 0.0}, study=study, **plan)


def test_the_count_of_a_retest_stands_for_that_of_the_visit():
    """Reported on day 8 where nobody is asked again; else the second is taken on day 10 and reported on day 11."""
    result = simulate_unit(retested(LADDER | lab(turnaround_days=1, retest=AGAIN)))
    counts, made = result.visits[0].counts, result.decisions[1]
    np.testing.assert_allclose(counts.count, [12, 13, 14], rtol=1e-6)
    np.testing.assert_allclose(counts.first, [0.5, np.nan, 260], rtol=1e-6)
    assert counts.day.tolist() == [10, 7, 10] and counts.known.tolist() == made.day.tolist() == [11, 8, 11]
    np.testing.assert_allclose(made.count, counts.count)


def test_who_goes_on_to_a_retest_has_the_course_of_who_does_not():
    """Fluctuating loss: counts at later visits agree to the solver's error, of who was not asked to the bit."""
    rng = np.random.default_rng(1)
    swings = {"log_loss": np.tile(rng.normal(0, 0.4, 70), (3, 1))}
    fixed = {"arms": [{"id": "DRUG", "start_dose_mg": 5}], "dose_rules": {}, "randomisation": {"block_size": 1}}
    one, two = (simulate_unit(retested(fixed | lab(**said), **swings)) for said in ({"retest": AGAIN}, {}))
    later = [np.array([v.true_count for v in r.visits[1:]]) for r in (one, two)]
    assert one.visits[0].counts.day.tolist() == [9, 7, 9]
    np.testing.assert_allclose(*later, rtol=1e-5)
    assert (later[0][:, 1] == later[1][:, 1]).all()


def test_who_is_not_asked_again_has_his_dose_changed_on_the_day_of_the_visit():
    """A retest of others on the same day: doses go up at once, and counts and concentrations are those without it."""

    def both(study):
        drawn = {"count_z": z, "samples": Samples(again_z=np.zeros((2, 11)))}
        return simulate_unit(unit(arm=(0, 0), parameters={"ASSAY_CV": 0.3}, study=study, **drawn))

    z = np.zeros((2, 11))
    z[0, 1] = np.log(0.01) / np.log1p(0.3**2) ** 0.5
    one, two = (both(LADDER | lab(**said)) for said in ({"retest": AGAIN}, {}))
    assert one.visits[0].counts.day.tolist() == [9, 7] and one.decisions[1].day.tolist() == [9, 7]
    assert all(a.true_count[1] == b.true_count[1] for a, b in zip(one.visits, two.visits, strict=True))


def test_nobody_is_asked_again_at_the_last_visit_or_after_leaving_or_who_bleeds():
    leave = np.array([9, 999, 999])
    result = simulate_unit(retested(FIXED | lab(retest=AGAIN), leave_day=leave))
    assert np.isnan(result.visits[0].counts.first[0]) and result.visits[0].counts.first[2] > 200
    low = {"BASE": 0.5}
    result = simulate_unit(unit(arm=(0,), parameters=low, study=FIXED | lab(retest=AGAIN),
                                samples=Samples(again_z=np.zeros((1, 11)))))  # fmt: skip
    asked = [v.counts.first.size > 0 for v in result.visits]
    assert asked == [True] * 9 + [False]
    agent = {"rescue": {"agents": [{"id": "P", "kind": "platelets", "bleeding_at_least": 2}]}}
    bleeds = {"bleeding_u": np.array([50.0, -50, -50])}
    result = simulate_unit(retested(FIXED | lab(retest=AGAIN) | agent, **bleeds))
    assert np.isnan(result.visits[0].counts.first[0]) and result.visits[0].counts.first[2] > 200


def test_the_hours_of_a_dense_course_go_on_over_a_retest():
    result = simulate_unit(retested(FIXED | lab(retest=AGAIN) | {"output": "dense"}))
    hours = [np.concatenate([h.first[i] + np.arange(np.isfinite(h.plt[i]).sum()) for h in map(two_dim, result.hourly)])
             for i in range(3)]  # fmt: skip
    assert all(np.array_equal(h, np.arange(70 * 24 + 1)) for h in hours)


def two_dim(hourly):
    return hourly if hourly.plt.ndim == 2 else type(hourly)(hourly.first, hourly.conc[:, None], hourly.plt[:, None])


# Two laboratories.


@pytest.mark.parametrize(("decides", "analysed"), [(True, True), (True, False), (False, True)])
def test_which_laboratory_decides_and_which_is_analysed(decides, analysed):
    """Local 26, central 6.5 at every visit; the local one reports at once, the central one after 9 days."""
    z = np.log1p(0.3**2) ** 0.5
    samples = Samples(central_z=np.full((1, 11), np.log(0.5) / z))
    study = LADDER | lab(central={"turnaround_days": 9, "decides": decides, "analysed": analysed})
    u = unit(arm=(0,), parameters={"ASSAY_CV": 0.3, "EMAX": 0.0}, study=study, samples=samples,
             count_z=np.full((1, 11), np.log(2) / z))  # fmt: skip
    result = simulate_unit(u)
    counts = result.visits[0].counts
    np.testing.assert_allclose(counts.count, 6.5 if decides else 26, rtol=1e-6)
    np.testing.assert_allclose(counts.analysed, 6.5 if analysed else 26, rtol=1e-6)
    np.testing.assert_allclose(counts.other, 26 if analysed else 6.5, rtol=1e-6)
    assert result.decisions[1].day.tolist() == [16 if decides else 7]


def test_the_central_laboratory_has_its_own_error_and_loses_its_own_samples():
    said = {"turnaround_days": 7, "assay_cv": 0.0, "lost_probability": 0.5, "analysed": False, "decides": True}
    samples = Samples(central_z=np.ones((2, 11)), central_lost=np.array([[True] * 11, [False] * 11]))
    visit = simulate_unit(unit(arm=(0, 0), study=FIXED | lab(central=said), samples=samples)).visits[0]
    np.testing.assert_allclose(visit.counts.count, [np.nan, 13], rtol=1e-6)
    np.testing.assert_allclose(visit.count, [13, 13], rtol=1e-6)


def test_tables_have_the_rows_of_the_other_laboratory_and_of_first_counts():
    said = ["laboratory.central={turnaround_days: 9}", "laboratory.retest={below_1e9L: 30, after_days: 1}"]
    seen = simulate_replicates(small(*said, patients=12), range(1))["observations"].to_pandas()
    plat, local, first = (seen[code == seen.PARAMCD] for code in ("PLAT", "PLATLOC", "PLATFRST"))
    assert len(plat) == 12 * 11 and len(local) == plat[plat.AVISITN > 0].AVAL.notna().sum()
    assert 0 < len(first) < len(local)
    assert (first.AVAL < 30).all() and first.AVISITN.max() < 70
    both = local.merge(first, on=["SUBJID", "AVISITN"])
    assert (both.ADY_x == both.ADY_y + 1).all() and len(both) == len(first)


# Randomness and refusals.


def test_each_of_these_changes_no_other_draw():
    all_on = ["laboratory.lost_probability=0.5", "laboratory.clumping={probability: 0.5, factor: 0.5, noticed: 0.5}",
              "laboratory.retest={below_1e9L: 10}", "laboratory.central={lost_probability: 0.5}",
              "pk_sampling={visit_day: 28, lost_probability: 0.5}"]  # fmt: skip
    bare = small("pk_sampling={visit_day: 28}", patients=8)
    busy = small(*all_on, patients=8)
    one, two = (unit_of(s, enrolment(s, 0)).drawn for s in (bare, busy))
    for field in fields(Drawn):
        if field.name not in ("samples", "occasions"):
            assert np.array_equal(getattr(one, field.name), getattr(two, field.name)), field.name
    assert one.samples == Samples()
    drawn = [getattr(two.samples, f.name) for f in fields(Samples)]
    assert all(x is not None for x in drawn)
    flat = [x[:, 1:9].ravel().tolist() for x in drawn]
    assert all(a != b for k, a in enumerate(flat) for b in flat[:k])


def test_a_lost_sample_of_a_profile_is_said():
    seen = simulate_replicates(small("pk_sampling={visit_day: 28, lost_probability: 0.4}", patients=20), range(1))
    conc = seen["observations"].to_pandas().query("PARAMCD == 'CONC'")
    lost = conc.AVALREAS == "sample lost"
    assert conc.AVAL[lost].isna().all() and abs(lost.mean() - 0.4) < 4 * np.sqrt(0.24 / len(conc)) + 0.03
    ends = seen["observations"].schema.names
    assert "AVALREAS" in ends


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"retest": {}}, "nothing asks for it"),
        ({"retest": {"below_1e9L": 30, "at_least_1e9L": 20}}, "every count is below it, or at least 20"),
        ({"central": {"analysed": False}}, "nothing reads its counts"),
        ({"central": {"decides": True}, "turnaround_days": 2}, "nothing reads it"),
        ({"central": {"decides": True}, "lost_probability": 0.1}, "nothing reads it"),
        ({"central": {"decides": True}, "clumping": {"probability": 0.1, "factor": 0.5}}, "nothing reads local counts"),
        ({"central": {"decides": True, "analysed": False}, "retest": {"below_1e9L": 9}}, "nobody waits for a local"),
        ({"clumping": {"probability": 0.1, "factor": 1.0}}, "factor"),
        ({"turnaround_days": 61}, "turnaround_days"),
    ],
)
def test_what_has_no_effect_is_refused(said, words):
    with pytest.raises(ValidationError, match=words):
        Laboratory.model_validate(said)


def test_a_retest_comes_before_the_next_visit():
    with pytest.raises(Exception, match="a re-test comes 5 days after its visit"):
        small("visits.window_days=1", "laboratory={turnaround_days: 3, retest: {below_1e9L: 9, after_days: 2}}")
    small("visits.window_days=1", "laboratory={turnaround_days: 2, retest: {below_1e9L: 9, after_days: 2}}")
