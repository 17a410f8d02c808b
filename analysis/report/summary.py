"""The summary in sentences: what was simulated, how it went, the key result, what to beware of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.evidence.scorecard import CONFIDENCE, STAT, Published, Score
from analysis.report.grid import (
    INSIDE,
    arm_name,
    courses,
    listed,
    mean_over,
    published_name,
    range_over,
    replicate_name,
)
from analysis.report.number_origins import Number, Text, joined, label, number, numbers, said, shown
from analysis.report.runfolder import BASELINE_FILE, RunFolder
from analysis.statistics.estimates import FEW_REPLICATES, Estimate
from analysis.text import cells


@dataclass(frozen=True)
class KeyResult:
    """The primary endpoint of one arm: texts for a card."""

    label: str
    hue: int | None
    simulated: Text
    range: Text
    published: Text
    inside: str
    fitted: bool


def summary(run: RunFolder) -> Text:
    """One paragraph for somebody who reads nothing else."""
    trials = shown(cells.plural, run.replicates, one="virtual trial")
    patients = shown(cells.plural, run.config("patients"), one="patient")
    everybody = shown(cells.product, run.replicates, run.config("patients"))
    each = said(" each ({} patients in all), ", everybody) if run.n_replicates > 1 else ", "
    first = said("This report describes {} of {}{}{}", trials, patients, each, _arms(run))
    return joined(" ", [first, _solved(run), _evaluated(run), *_score(run)])


def _arms(run: RunFolder) -> Text:
    names = listed([label(arm.label) for arm in run.arms])
    if run.study.paired:
        return said("every one under {}.", names)
    return said("randomised {} to {}.", ratio(run), names) if len(run.arms) > 1 else said("all in one arm, {}.", names)


def ratio(run: RunFolder) -> Text:
    """Patients of each arm in a block: "2:2:1"."""
    return joined(":", [shown(cells.whole, run.config("arms", k, "ratio")) for k in range(len(run.arms))])


def _score(run: RunFolder) -> list[Text]:
    """How many published results are met, fitted ones and predictions told apart."""
    judged = [s for s in run.scores if s.inside]
    if not judged:
        unjudged = "Simulated and published results are shown side by side without a verdict."
        return [unjudged] if run.scores else []
    sentences: list[Text] = [
        said(
            "For {} of {} named for comparison before calibration, the simulated mean lies inside {}.",
            shown(cells.yeses, *_verdicts(judged)),
            shown(cells.how_many, *_verdicts(judged), one="published result"),
            _limits_of(judged),
        )
    ]
    new = [s for s in judged if s.seen != "yes"]
    if len(new) == len(judged):
        return sentences
    if not new:
        return [*sentences, "The model was calibrated on all of them, so that agreement is a fit and no prediction."]
    fitted = shown(cells.how_many, *_verdicts([s for s in judged if s.seen == "yes"]))
    met, of = shown(cells.yeses, *_verdicts(new)), shown(cells.how_many, *_verdicts(new))
    told = "The model was calibrated on {} of them: there agreement is a fit. Predictions: {} of {} inside."
    return [*sentences, said(told, fitted, met, of)]


def _verdicts(scores: Sequence[Score]) -> list[Number]:
    return [number(s, "inside") for s in scores]


def _limits_of(judged: Sequence[Score]) -> Text:
    """What the judged rows are held against."""
    tolerances = [s for s in judged if s.interval not in CONFIDENCE]
    if not tolerances:
        return "the published 95 % interval"
    set_here = "a tolerance set in advance"
    if len(tolerances) == len(judged):
        return set_here
    n = shown(cells.how_many, *(number(s, "interval") for s in tolerances))
    return said("the published 95 % interval or, for {}, {}", n, set_here)


def lost(run: RunFolder) -> Text:
    """What must be said before any rate, and with every one: that many solves failed; "" when few did."""
    if not run.many_failed:
        return ""
    failed, n = (shown(cells.whole, run.fact(f"patients_{what}")) for what in ("failed", "simulated"))
    return said("{} of {} solves of the model failed: every result is of the others alone.", failed, n)


def _solved(run: RunFolder) -> Text:
    n = shown(cells.whole, run.fact("patients_simulated"))
    if not run.n_failed:
        return said("All {} solves of the model succeeded.", n)
    counted = "are not evaluable and are counted as such."
    failed = shown(cells.whole, run.fact("patients_failed"))
    return said("{} of {} solves of the model failed; those {} {}", failed, n, courses(run), counted)


def _evaluated(run: RunFolder) -> Text:
    primary = run.study.analysis.primary
    absent = [number(e, "ESTIMATE") for e in run.not_evaluable if primary == e.PARAMCD]
    if not absent:
        return f"Every patient is evaluable for the primary endpoint ({primary})."
    who = shown(cells.total, *absent, one=f"{courses(run)[:-1]} is", many=f"{courses(run)} are")
    return said("{} not evaluable for the primary endpoint ({}).", who, primary)


def key_results(run: RunFolder) -> list[KeyResult]:
    """The primary endpoint per arm, simulated beside published."""
    found = []
    for arm in run.study.arm_ids:
        for statistic, stat in STAT.items():
            over = run.over(run.study.analysis.primary, arm, stat)
            if over is not None:
                found.append(_key_result(run, over, run.published.get((run.study.analysis.primary, statistic, arm))))
    return found


def _key_result(run: RunFolder, over: Estimate, printed: Published | None) -> KeyResult:
    label, hue = arm_name(run, over.ARM)
    decimals = cells.decimals(over.ESTIMATE)
    score = run.score_of(printed)
    inside = INSIDE.get(score.inside, "") if score else ""
    fitted = bool(score and score.seen == "yes")
    simulated, limits = mean_over(over, decimals, over.UNIT), range_over(over, decimals)
    return KeyResult(label, hue, simulated, limits, _printed(printed, decimals), inside, fitted)


def _printed(p: Published | None, decimals: int) -> Text:
    """A published value with its unit, and its limits where they are an interval."""
    if p is None:
        return ""
    value = shown(cells.quantity, number(p, "published"), decimals=decimals, unit=p.unit)
    if p.interval not in CONFIDENCE:
        return value
    return said("{} {}", value, shown(cells.interval, *numbers(p, "ci_low", "ci_high"), decimals=decimals))


def primary_label(run: RunFolder) -> str:
    """Label of the primary endpoint."""
    return run.labels.get(run.study.analysis.primary, run.study.analysis.primary)


def warnings(run: RunFolder) -> list[Text]:
    """What to beware of: what the run said, what failed, who lies outside the validity domain, what is absent."""
    found: list[Text] = [
        shown(cells.as_is, run.fact("warnings", k)) for k in range(len(run.manifest.get("warnings") or []))
    ]
    found += _kept(run)
    found += _failures(run)
    found += _outside(run)
    if run.n_replicates == 1:
        found.append("One replicate only: there is no Monte Carlo error and no range of replicates.")
    elif run.n_replicates < FEW_REPLICATES:
        few = "{} replicates are few: the 2.5 to 97.5 % range is close to the smallest and the largest."
        found.append(said(few, shown(cells.whole, run.replicates)))
    return found + [f"{name} is not there: {what}." for name, what in run.absent.items() if _expected(run, name)]


def _kept(run: RunFolder) -> list[Text]:
    """Which results are of the replicates kept in full, when that is not all of them."""
    if run.n_kept == run.n_replicates:
        return []
    drawn = (
        "Results are over all {} replicates; what is drawn patient by patient is of the {} whose tables were kept "
        "(output: endpoints)."
    )
    kept = shown(cells.how_many, run.replicates_kept, one="replicate")
    return [said(drawn, shown(cells.whole, run.replicates), kept)]


def _failures(run: RunFolder) -> list[Text]:
    """How many solves failed, by reason."""
    primary = run.study.analysis.primary
    failed = [e for e in run.not_evaluable if primary == e.PARAMCD and e.CATEGORY.startswith("solver: ")]
    return [
        said(
            "{} failed: {}.",
            shown(cells.plural, number(e, "ESTIMATE"), one="solve"),
            run.in_words(e.CATEGORY).removeprefix("solve failed: "),
        )
        for e in sorted(failed, key=lambda e: -(e.ESTIMATE or 0))
    ]


def _outside(run: RunFolder) -> list[Text]:
    """How many patients lie outside the validity domain of the parameter set, by reason."""
    return [
        said(
            "{} outside the validity domain of the parameter set: {}.",
            shown(cells.plural, n, one="patient lies", many="patients lie"),
            label(reason),
        )
        for reason, n in run.outside.items()
    ]


def _expected(run: RunFolder, name: str) -> bool:
    """Whether the study should have this optional file."""
    published = run.study.published
    return bool({"screening.parquet": True, BASELINE_FILE: published and published.baseline}.get(name, published))


def kinds_of_uncertainty(run: RunFolder) -> list[tuple[str, Text]]:
    """The three kinds, never mixed."""
    by_prior = ", assumed ones by their prior" if run.study.parameter_uncertainty == "all" else ""
    by_prior += ", those of its posterior by one of its draws" if run.manifest.get("posteriors") else ""
    doubt = (
        f"and, as every replicate drew its own population parameters{by_prior}, those drawn ones too (see the warnings)"
        if run.study.parameter_uncertainty
        else "when the model is right; it does not hold doubt about the model"
    )
    one = said(
        "What the paper of one trial would print: {} patients, {}, its own 95 % confidence interval. It depends on the "
        "number of patients in the trial, not on the computer.",
        shown(cells.whole, run.config("patients")),
        replicate_name(run),
    )
    error: Text = said(
        "The mean result of {}, and how far that mean may be off because only so many were run: the standard deviation "
        "of the replicates over the square root of their number. More replicates make it as small as wanted; it says "
        "nothing about real patients.",
        shown(cells.plural, run.replicates, one="replicate"),
    )
    spread: Text = (
        "Between which results 95 % of the virtual trials lie (2.5 to 97.5 %). It shows how much a trial of this "
        f"size varies by chance {doubt}."
    )
    if run.n_replicates == 1:
        error = spread = "Not known: this run has one replicate."
    return [("Interval of one replicate", one), ("Mean ± Monte Carlo error", error), ("Range of replicates", spread)]


def reproduce(run: RunFolder) -> str:
    """The command that makes this run again."""
    said = run.manifest.get("command")
    return str(said) if said else "vtrial run config.resolved.yaml --out another_folder"


def publication(run: RunFolder) -> str:
    """Name of the publication, for headings."""
    return published_name(run)
