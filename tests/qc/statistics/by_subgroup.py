"""The rows ``subgroup`` of estimates.parquet again, patient by patient: rates, differences within strata, Q by root finding, signs, replicates that
reject. Plain loops, with the differences, pooling and variances of stratified.py. Used by recompute.py."""
import math

import numpy as np
import pandas as pd
from scipy import optimize, stats
from stratified import difference, pooled, variance_at


def word(p, by):
    """The subgroup of a patient."""
    v, c = getattr(p, by["covariate"]), by["covariate"]
    if by.get("cut") is not None:
        return f"{c}{'<' if v < by['cut'] else '>='}{by['cut']:g}"
    return f"STRATUM: {v}" if c == "STRATUM" else f"{c}={v}"


def interaction(groups):
    """(Q, p) of [[(a, m, b, n) by stratum] by subgroup]; None below two subgroups with a difference."""
    told = []
    for tables in groups:
        t = [x for x in tables if x[1] and x[3]]
        if t:
            w = [m * n / (m + n) for _, m, _, n in t]
            w = [x / sum(w) for x in w]
            told.append((t, w, sum(x * (a / m - b / n) for x, (a, m, b, n) in zip(w, t))))
    if len(told) < 2:
        return None, None
    v = lambda t, w, c: sum(x * x * variance_at(*y, c) for x, y in zip(w, t))
    pull = lambda c: sum((d - c) / v(t, w, c) for t, w, d in told)
    low, high = min(d for *_, d in told), max(d for *_, d in told)
    if high - low < 1e-12:
        return 0.0, 1.0
    edge = (high - low) * 1e-9
    c = optimize.brentq(pull, low + edge, high - edge, xtol=1e-13) if pull(low + edge) > 0 > pull(high - edge) else (low if pull(low + edge) <= 0 else high)
    q = sum((d - c) ** 2 / v(t, w, c) if abs(d - c) > 1e-13 else 0.0 for t, w, d in told)
    return q, float(stats.chi2.sf(q, len(told) - 1))


def check(cfg, P, out, ALL):
    """(rows checked, mismatches); ``out`` {(replicate, subject): {endpoint: value}}."""
    est = ALL[ALL.PARCAT1 == "subgroup"]
    an, method = cfg["analysis"], cfg["analysis"]["method"]
    asked, ref, named, R = an.get("subgroups") or [], an.get("reference_arm"), an.get("named_replicate", 0), int(P.IREP.max()) + 1
    arms = [a["id"] for a in cfg["arms"]]
    use = method["strata"] == "randomisation" and bool(cfg["randomisation"]["strata"])
    by_name = {by["covariate"] + (f", cut at {by['cut']:g}" if by.get("cut") is not None else ""): by for by in asked}
    people, words = {}, {}
    for p in P.itertuples():
        for name, by in by_name.items():
            people.setdefault((name, p.IREP), []).append(((p.IREP, p.SUBJID), str(p.ARM), str(p.STRATUM) if use else "", word(p, by)))
            words.setdefault(name, set()).add(word(p, by))
        people.setdefault(("", p.IREP), []).append(((p.IREP, p.SUBJID), str(p.ARM), str(p.STRATUM) if use else "", ""))
    for name, by in by_name.items():
        if by.get("cut") is not None:
            words[name] |= {f"{by['covariate']}<{by['cut']:g}", f"{by['covariate']}>={by['cut']:g}"}
    found = {}

    def cells(code, name, group, r):
        """{stratum: {arm: [yes, n]}} of a subgroup in a replicate."""
        if (code, name, group, r) not in found:
            strata = {}
            for k, arm, s, w in people[name, r]:
                v = out[k].get(code, 0.0 if code.startswith("AE_") else None) if k in out else None
                if w == group and v is not None:
                    cell = strata.setdefault(s, {x: [0, 0] for x in arms})[arm]
                    cell[0] += v
                    cell[1] += 1
            found[code, name, group, r] = strata
        return found[code, name, group, r]

    def tables(code, name, group, arm, r):
        x = pooled(cells(code, name, group, r), method["pool_below"])
        return [(*y[arm], *y[ref]) for y in x.values()]

    def close(a, b, tol=1e-7):
        return pd.isna(b) if a is None else not pd.isna(b) and abs(a - b) <= tol * max(1, abs(a))

    wrong, times = [], lambda k, x: None if x is None else k * x

    def put(e, *pairs):
        if not all(close(a, b, *tol) for a, b, *tol in pairs):
            wrong.append((e.PARAMCD, e.ARM, e.STAT, e.CATEGORY, e.SCOPE, *pairs))

    def spread(e, v):
        v = [x for x in v if x is not None]
        err = float(np.std(v, ddof=1)) / math.sqrt(len(v)) if len(v) > 1 else None
        ends = np.quantile(v, [0.025, 0.975]) if len(v) > 1 else (None, None)
        put(e, (float(np.mean(v)) if v else None, e.ESTIMATE), (err, e.MCSE), (ends[0], e.RANGE_LOW), (ends[1], e.RANGE_HIGH), (len(v), e.R))

    def share(e, told):
        k, n = sum(told), len(told)
        lo, hi = stats.binomtest(k, n).proportion_ci(method="exact") if n else (None, None)
        err = 100 * math.sqrt(k / n * (1 - k / n) / n) if n and 0 < k < n else None
        put(e, (100 * k / n if n else None, e.ESTIMATE), (err, e.MCSE), (times(100, lo), e.CI_LOW), (times(100, hi), e.CI_HIGH), (n, e.R))

    of = {w: name for name, ws in words.items() for w in ws}
    for e in est.itertuples():
        code, arm, group = str(e.PARAMCD), str(e.ARM), str(e.CATEGORY)
        name = group if e.STAT.startswith("interaction") else of[group]
        if e.STAT == "subgroup rate":
            both = [[sum(x[arm][k] for x in cells(code, name, group, r).values()) for k in (0, 1)] for r in range(R)]
            if e.SCOPE == "replicate":
                x, n = both[named]
                lo, hi = stats.binomtest(int(x), int(n)).proportion_ci(method="exact") if n else (None, None)
                put(e, (100 * x / n if n else None, e.ESTIMATE), (times(100, lo), e.CI_LOW), (times(100, hi), e.CI_HIGH), (n, e.N), (x, e.N_EVENT))
            else:
                spread(e, [100 * x / n if n else None for x, n in both])
        elif e.STAT == "subgroup difference" and e.SCOPE == "replicate":
            d, low, high = difference(tables(code, name, group, arm, named), method["difference"])
            put(e, (times(100, d), e.ESTIMATE), (times(100, low), e.CI_LOW, 1e-6), (times(100, high), e.CI_HIGH, 1e-6))
            if (d is None) != str(e.NOTE).startswith("not estimable"):
                wrong.append((code, arm, group, e.NOTE))
        elif e.STAT == "subgroup difference":
            spread(e, [times(100, difference(tables(code, name, group, arm, r), "sato")[0]) for r in range(R)])
        elif e.STAT == "same sign":
            both = [(difference(tables(code, name, group, arm, r), "sato")[0], difference(tables(code, "", "", arm, r), "sato")[0]) for r in range(R)]
            share(e, [x * y > 0 for x, y in both if x is not None and y is not None])
        elif e.STAT.startswith("interaction"):
            p = [interaction([tables(code, name, w, arm, r) for w in words[name]])[1] for r in (range(R) if e.STAT.endswith("rejected") else [named])]
            if e.STAT == "interaction p":
                put(e, (p[0], e.ESTIMATE, 1e-6))
            else:
                share(e, [x < 0.05 for x in p if x is not None])
        else:
            wrong.append((code, arm, e.STAT, "unknown statistic"))
    if bool(asked) != bool(len(est)):
        wrong.append(("subgroups asked for", len(asked), "rows", len(est)))
    return len(est), wrong
