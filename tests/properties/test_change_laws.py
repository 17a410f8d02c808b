"""Laws of covariates that change, for any list of changes; and every key of theirs changes a table."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sizes import size

from trial.jobs.work import simulate_replicates
from trial.study.changes import CovariateChange
from trial.study.keys import keys_of
from trial.study.load import load_study
from trial.study.study import Study

BARE = load_study(
    "configs/smoke.yaml",
    ["parameter_set=eltrombopag_itp_hayes_2011", "population={id: chronic_itp_bussel_2007}", "published=null",
     "patients=12", "visits.days=[7, 30, 56]", "visits.window_days=1", "treatment_days=56", "pk_sampling=null",
     "analysis.assessment_day=56", "arms=[{id: A, start_dose_mg: 25}, {id: B, start_dose_mg: 50}]", "dropout=[]",
     "randomisation={block_size: 2}", "analysis.reference_arm=null", "dose_rules={}"],
    replicates=1,
).model_dump(mode="json")  # fmt: skip


def tables(*changes):
    """Every table of the small study with these changes, as frames."""
    study = Study.model_validate(BARE | {"population": BARE["population"] | {"changes": list(changes)}})
    return study, {name: t.to_pandas() for name, t in simulate_replicates(study, range(1)).items()}


numbers = st.one_of(
    st.fixed_dictionaries({"value": st.sampled_from([50.0, 90.0])}),
    st.fixed_dictionaries({"add": st.sampled_from([-3.0, 5.0])}),
    st.fixed_dictionaries({"times": st.sampled_from([0.9, 1.2])}),
    st.fixed_dictionaries({"per_week": st.sampled_from([-0.25, 1.0])}),
).map(lambda how: {"covariate": "WEIGHT"} | how)
words = st.sampled_from(["Y", "N"]).map(lambda word: {"covariate": "CONITPFL", "value": word})
change = st.builds(
    lambda what, first, lasts, whom: what | {"from_day": first, "until_day": lasts and first + lasts} | whom,
    st.one_of(numbers, words),
    st.integers(0, 60),
    st.sampled_from([None, 1, 7, 20]),
    st.sampled_from([{}, {"arms": ["B"]}, {"if": {"SEX": "F"}}, {"share": 0.5}]),
)


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(change, min_size=1, max_size=4))
def test_what_holds_in_any_list_of_changes(changes):
    _hold(changes)


@pytest.mark.slow
@settings(max_examples=size(25, 100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(change, min_size=1, max_size=4))
def test_what_holds_in_many_lists_of_changes(changes):
    _hold(changes)


def _hold(changes):
    """The table says the value of every day as one by one from the list; who has no row of a change is as without."""
    _, found = tables(*changes)
    _, plain = tables()
    people, told = found["patients"].set_index("SUBJID"), found["covariates"]
    for subject, person in people.iterrows():
        for name in {x["covariate"] for x in changes}:
            rows = told[(subject == told.SUBJID) & (name == told.PARAMCD)].set_index("ADY")
            rows = rows.AVALC if name == "CONITPFL" else rows.AVAL
            for day in range(min(person.EOSDY, 57)):
                seen = rows[rows.index <= day].iloc[-1]
                able = _values(person, [x for x in changes if x["covariate"] == name], day, name)
                assert any(seen == v or (name == "WEIGHT" and abs(seen - v) < 1e-9) for v in able), day
    moved = set(told[told.duplicated(["SUBJID", "PARAMCD"])].SUBJID) | set(_changed_at_first(told, people))
    a, b = (x["observations"].set_index(["SUBJID", "AVISITN", "PARAMCD"]).TRUEVAL for x in (found, plain))
    same = (a == b) | (a.isna() & b.isna())
    assert same[~same.index.get_level_values(0).isin(moved)].all()


def _changed_at_first(told, people):
    for row in told[told.ADY == 0].itertuples():
        was = people.loc[row.SUBJID, row.PARAMCD]
        if was != (row.AVALC if row.PARAMCD == "CONITPFL" else row.AVAL):
            yield row.SUBJID


def _values(person, changes, day, name):
    """What the covariate can be on a day: with a share, with and without that change."""
    able = [person[name]]
    for x in changes:
        if "B" in x.get("arms", ["B"]) and person.ARM != "B" and "arms" in x:
            continue
        if "if" in x and person.SEX != "F":
            continue
        with_it = [_one(x, v, day) for v in able]
        able = [*with_it, *(able if "share" in x else [])]
    return able


def _one(x, value, day):
    first, last = x["from_day"], x["until_day"] or 10_000
    if "per_week" in x:
        return value + x["per_week"] * len([d for d in range(first + 7, min(day, last) + 1, 7)])
    if not first <= day < last:
        return value
    if "value" in x:
        return x["value"]
    return value + x["add"] if "add" in x else value * x["times"]


WEIGHT, DRUG = {"covariate": "WEIGHT", "add": 9.0, "from_day": 9}, {"covariate": "CONITPFL", "value": "Y"}
CHANGES = {
    "covariate": (WEIGHT | {"add": None, "value": 60}, DRUG | {"from_day": 9}),
    "value": (DRUG, DRUG | {"value": "N"}),
    "add": (WEIGHT, WEIGHT | {"add": 4.0}),
    "times": (WEIGHT, WEIGHT | {"add": None, "times": 1.3}),
    "per_week": (WEIGHT, WEIGHT | {"add": None, "per_week": 0.3}),
    "from_day": (WEIGHT, WEIGHT | {"from_day": 10}),
    "until_day": (WEIGHT, WEIGHT | {"until_day": 20}),
    "share": (WEIGHT, WEIGHT | {"share": 0.4}),
    "arms": (WEIGHT, WEIGHT | {"arms": ["A"]}),
    "if": (WEIGHT, WEIGHT | {"if": {"SEX": "M"}}),
}
"""By key: two entries that differ in it. ``before``: tests/unit/test_changes.py, of a set with an effect of its own."""


def test_every_key_of_a_change_is_tried():
    keys = {key.path for key in keys_of(CovariateChange) if "." not in key.path}
    assert keys == {*CHANGES, "before"}


@pytest.mark.slow
@pytest.mark.parametrize("key", CHANGES)
def test_each_key_changes_a_table(key):
    before, after = (tables(said)[1] for said in CHANGES[key])
    assert not np.array_equal(before["observations"].TRUEVAL, after["observations"].TRUEVAL, equal_nan=True)
