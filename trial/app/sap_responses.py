"""The sentences of a plan about the response by dose and by exposure."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.endpoints import chosen
from trial.app.wording import listed
from trial.study.dose_response import BIAS, doses_of
from trial.study.exposure_response import levels_of
from trial.study.study import Study


def responses_in_words(study: Study) -> Iterator[str]:
    """By dose, and by exposure where it is asked for."""
    yield from _dose_response(study)
    yield from _exposure_response(study)
    yield from _crossover(study)


def _dose_response(study: Study) -> Iterator[str]:
    said = study.analysis.dose_response
    if said is None:
        yield "Not analysed."
        return
    endpoint = chosen(study.analysed)[said.endpoint or study.analysis.primary]
    rate = endpoint.summary == "rate"
    doses = listed([f"{dose:g} mg" for dose in doses_of(study.analysed.arms)])
    what = "logits of the rate, each dose with its own variance" if rate else "means, one variance, Student's t"
    yield (
        f"MCP-Mod of {endpoint.code} over {doses} ({what}). Candidate shapes: {listed([s.name for s in said.shapes])}. "
        f"The largest contrast is tested against the joint law of all, one-sided, {100 * said.level:g} %; a better "
        f"response {'falls' if endpoint.benefit == 'lower' else 'rises'}."
    )
    by = "the least generalised AIC" if said.select == "aic" else "the largest t"
    yield f"The model is, of the shapes with a signal, that with {by}, fitted by generalised least squares."
    if said.target:
        unit = "percentage points" if rate else endpoint.unit
        yield (
            f"The target dose is the least with an effect of {said.target:g} {unit} over no drug; 95 % limits by the "
            "delta method on the log of the dose, which leaves the choice of the model out of account."
        )
    if said.titrated == "start_dose":
        yield f"Note: {BIAS}."


def _exposure_response(study: Study) -> Iterator[str]:
    said = study.analysis.exposure_response
    if said is None:
        return
    levels = levels_of(study.arms, study.dose_rules)
    yield ""
    yield (
        f"Response by exposure: {said.endpoint or study.analysis.primary} by randomised start dose, mean dose taken "
        f"{'and AUC of the sampled interval ' * (study.pk_sampling is not None)}(logistic and Emax curves), beside the "
        f"true curve: the same virtual patients, all on {listed([*map(str, levels), 'no drug'])}, in "
        f"{min(said.replicates, study.replicates)} replicates that are simulated for it."
    )
    if any(arm.dose_rule for arm in study.arms):
        yield "Under the dose rule exposure is an outcome of the response (titration bias), which the true curve shows."


def _crossover(study: Study) -> Iterator[str]:
    said = study.analysis.crossover
    if said is None:
        return
    orders = "; ".join(f"{arm}: {first}, then {second}" for arm, (first, second) in said.treatments.items())
    yield ""
    yield (
        f"Crossover of the periods {listed(said.periods)} ({orders}). The logarithms of {listed(said.endpoints)} of "
        "the patients with both periods are modelled by period, sequence and patient within sequence. The ratio of "
        f"{said.test} to {said.reference} has 90 % limits by Student's t; equivalence is shown where they lie within "
        f"{said.limits[0]:g} to {said.limits[1]:g}. A carry-over that differs between the sequences is not told from "
        "an effect of the treatment."
    )
