"""The rows ``planned`` of estimates.parquet again, from one value per patient and the strata of patients.parquet: difference within strata and
its limits, test, odds ratio, adjusted p, replicates that reject. Plain loops; likelihoods by search, adjusted p by the closed test, exact and logistic
by scipy and statsmodels on single patients. Used by recompute.py."""
import itertools
import math

import numpy as np
import pandas as pd
from scipy import optimize, stats

Z = stats.norm.isf(0.025)


def pooled(strata, below):
    """{stratum: {arm: [yes, n]}}; while one has fewer than ``below`` in an arm, the smallest such joins the smallest other."""
    strata = {name: {arm: list(c) for arm, c in arms.items()} for name, arms in strata.items() if sum(c[1] for c in arms.values())}
    size = lambda name: (sum(c[1] for c in strata[name].values()), name)
    while len(strata) > 1:
        small = [name for name in strata if min(c[1] for c in strata[name].values()) < below]
        if not small:
            break
        gone = min(small, key=size)
        to = min((name for name in strata if name != gone), key=size)
        for arm, (yes, n) in strata.pop(gone).items():
            strata[to][arm][0] += yes
            strata[to][arm][1] += n
    return strata


def variance_at(a, m, b, n, d):
    """Variance of the difference of one stratum under a true difference d, rates of greatest likelihood by search."""
    low, high = max(0.0, -d), min(1.0, 1 - d)

    def loss(q):
        total = 0.0
        for x, of, p in ((a, m, q + d), (b, n, q)):
            for k, r in ((x, p), (of - x, 1 - p)):
                if k:
                    total += -k * math.log(r) if r > 0 else 1e300
        return total

    if high - low < 1e-14:
        q = low
    else:
        q = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-13}).x
        q = min((low, high, q), key=loss)
    p = min(max(q + d, 0.0), 1.0)
    return (p * (1 - p) / m + q * (1 - q) / n) * (m + n) / (m + n - 1)


def difference(tables, kind):
    """(estimate, low, high) of [(a, m, b, n)]; None where no stratum tells."""
    t = [x for x in tables if x[1] and x[3]]
    if not t:
        return None, None, None
    w = [m * n / (m + n) for _, m, _, n in t]
    w = [x / sum(w) for x in w]
    d0 = sum(x * (a / m - b / n) for x, (a, m, b, n) in zip(w, t))
    if kind == "sato":
        p = sum((m * m * b - n * n * a + m * n * (n - m) / 2) / (m + n) ** 2 for a, m, b, n in t)
        q = sum(a * (n - b) / (m + n) + b * (m - a) / (m + n) for a, m, b, n in t) / 2
        se = math.sqrt(max(d0 * p + q, 0)) / sum(m * n / (m + n) for _, m, _, n in t)
        return d0, d0 - Z * se, d0 + Z * se
    if kind == "newcombe":
        ends = []
        for g in (0, 2):
            r, s = [x[g] / x[g + 1] for x in t], [x[g + 1] for x in t]
            v = [p * (1 - p) / n for p, n in zip(r, s)]
            if not any(v):
                v = [1 / n for n in s]
            v = [x if any(x_ > 0 for x_ in v) else 1 / n for x, n in zip(v, s)]
            z = Z * math.sqrt(sum(x * x * y for x, y in zip(w, v))) / sum(x * math.sqrt(y) for x, y in zip(w, v))
            both = [sorted(np.roots([1 + z * z / n, -2 * p - z * z / n, p * p]).real) for p, n in zip(r, s)]
            ends.append([min(max(sum(x * y[k] for x, y in zip(w, both)), 0), 1) for k in (0, 1)])
        (l1, u1), (l2, u2) = ends
        k1, k2 = (sum(x * x / y[g] for x, y in zip(w, t)) for g in (1, 3))
        return d0, d0 - Z * math.sqrt(k1 * l1 * (1 - l1) + k2 * u2 * (1 - u2)), d0 + Z * math.sqrt(k1 * u1 * (1 - u1) + k2 * l2 * (1 - l2))

    def z(d):
        v = sum(x * x * variance_at(*y, d) for x, y in zip(w, t))
        return 0.0 if abs(d0 - d) < 1e-13 else (d0 - d) / math.sqrt(v) if v > 1e-20 else math.copysign(1e9, d0 - d)

    limits = []
    for side, end in ((1, -1.0), (-1, 1.0)):
        f = lambda d: z(d) - side * Z
        near, far = d0, end * (1 - 1e-12)
        limits.append(end if abs(d0 - end) < 1e-9 or f(near) * f(far) > 0 else optimize.brentq(f, *sorted((near, far)), xtol=1e-11))
    return d0, *limits


def moments(a, m, b, n):
    """Mean and variance of the events of the first group given the margins, over every table there may be."""
    ways = {k: math.comb(m, k) * math.comb(n, a + b - k) for k in range(max(0, a + b - n), min(m, a + b) + 1)}
    mean = sum(k * w for k, w in ways.items()) / sum(ways.values())
    return mean, sum((k - mean) ** 2 * (w / sum(ways.values())) for k, w in ways.items())


def cmh(tables, corrected):
    """p of the Cochran-Mantel-Haenszel test; None where no stratum tells."""
    t = [tuple(map(int, x)) for x in tables if x[1] and x[3]]
    if not t:
        return None
    of = [moments(*x) for x in t]
    gap, v = abs(sum(x[0] - mean for x, (mean, _) in zip(t, of))), sum(v for _, v in of)
    if v <= 1e-12:
        return 1.0
    gap -= 0.5 if corrected and gap >= 0.5 else 0
    return float(stats.chi2.sf(gap * gap / v, 1))


def exact(kind, a, m, b, n):
    if not m or not n:
        return None
    table = [[a, b], [m - a, n - b]]
    return float(stats.fisher_exact(table).pvalue) if kind == "fisher" else min(float(stats.boschloo_exact(table).pvalue), 1.0)


def p_of(tables, method):
    a, m, b, n = (sum(x[k] for x in tables) for k in range(4))
    test = method["test"]
    if test in ("fisher", "boschloo"):
        return exact(test, a, m, b, n)
    if m and n and min(a + b, m + n - a - b) * min(m, n) / (m + n) < method["exact_below"]:
        return exact(method["exact"], a, m, b, n)
    return cmh(tables, test == "cmh_corrected")


def odds(tables, kind):
    t = [x for x in tables if x[1] and x[3]]
    if kind == "logistic":
        t = [x for x in t if 0 < x[0] + x[2] < x[1] + x[3]]
        better, worse = all(a == m or b == 0 for a, m, b, n in t), all(a == 0 or b == n for a, m, b, n in t)
        if not t or better or worse:
            return None, None, None
        from statsmodels.discrete.discrete_model import Logit

        rows = [(g, k, j < x[2 - 2 * g]) for k, x in enumerate(t) for g in (0, 1) for j in range(int(x[3 - 2 * g]))]
        g, k, y = (np.array(v, float) for v in zip(*rows))
        fit = Logit(y, np.column_stack([g, *(k == i for i in range(len(t)))])).fit(disp=0, tol=1e-12, maxiter=200)
        return tuple(float(math.exp(v)) for v in (fit.params[0], *fit.conf_int()[0]))
    r = [(a * (n - b) / (m + n), b * (m - a) / (m + n), (a + n - b) / (m + n)) for a, m, b, n in t]
    up, down = sum(x[0] for x in r), sum(x[1] for x in r)
    if not up or not down:
        return None, None, None
    v = sum(p * x for x, _, p in r) / (2 * up * up) + sum(p * y + (1 - p) * x for x, y, p in r) / (2 * up * down) + sum((1 - p) * y for _, y, p in r) / (2 * down * down)
    return up / down, up / down * math.exp(-Z * math.sqrt(v)), up / down * math.exp(Z * math.sqrt(v))


def graph_of(plan, names):
    """Weights and transitions of every procedure but Hochberg's: Holm is a graph of equal shares, a sequence is a chain."""
    h = len(names)
    if plan["procedure"] == "holm":
        return [1 / h] * h, [[0 if i == j else 1 / (h - 1) for j in range(h)] for i in range(h)]
    if plan["procedure"] == "fixed_sequence":
        return [1.0] + [0.0] * (h - 1), [[1.0 if j == i + 1 else 0.0 for j in range(h)] for i in range(h)]
    arrows = plan.get("transitions") or {}
    return [plan["weights"].get(x, 0.0) for x in names], [[(arrows.get(x) or {}).get(y, 0.0) for y in names] for x in names]


def adjusted(p, plan, names):
    """By the closed test of all intersections; untested ones count as 1."""
    if plan is None:
        return list(p)
    q, h = [1.0 if x is None else x for x in p], len(p)
    worst = [0.0] * h
    for size in range(1, h + 1):
        for kept in itertools.combinations(range(h), size):
            if plan["procedure"] == "hochberg":  # the largest p times 1, the next times 2: Hochberg's rule on an intersection
                ranked = sorted((q[i] for i in kept), reverse=True)
                joint = min((k + 1) * x for k, x in enumerate(ranked))
            else:
                w, g = graph_of(plan, names)
                there = list(range(h))
                for j in [i for i in range(h) if i not in kept]:
                    there.remove(j)
                    new = {}
                    for i in there:
                        w[i] += w[j] * g[j][i]
                        for k in there:
                            back = g[i][j] * g[j][i]
                            new[i, k] = 0 if i == k or back >= 1 - 1e-12 else (g[i][k] + g[i][j] * g[j][k]) / (1 - back)
                    for (i, k), x in new.items():
                        g[i][k] = x
                joint = min([q[i] / w[i] for i in kept if w[i] > 0], default=1.0)
            for i in kept:
                worst[i] = max(worst[i], joint)
    return [None if x is None else min(y, 1.0) for x, y in zip(p, worst)]


def check(cfg, P, out, ALL, benefit):
    """(rows checked, mismatches); ``out`` {(replicate, subject): {endpoint: value}}."""
    est = ALL[ALL.PARCAT1 == "planned"]
    ours = {"planned shift", "planned adjusted difference", "planned adjusted ratio"}
    est = est[~est.PARAMCD.astype(str).isin(set(est[est.STAT.isin(ours)].PARAMCD.astype(str)))]
    an, method = cfg["analysis"], cfg["analysis"]["method"]
    plan, ref, named, R = an.get("multiplicity"), an.get("reference_arm"), an.get("named_replicate", 0), int(P.IREP.max()) + 1
    arms = [a["id"] for a in cfg["arms"]]
    if cfg.get("allocation") == "counterfactual" or ref is None:
        return len(est), [("planned rows where nothing is compared",)] * len(est)
    use = method["strata"] == "randomisation" and bool(cfg["randomisation"]["strata"])
    who = {(p.IREP, p.SUBJID): (str(p.ARM), str(p.STRATUM) if use else "") for p in P.itertuples()}
    known = {}

    def tables(code, arm, r):
        if (code, r) not in known:
            strata = {}
            for k, (a, s) in who.items():
                v = out[k].get(code, 0.0 if code.startswith("AE_") else None)
                if k[0] == r and v is not None:
                    cell = strata.setdefault(s, {x: [0, 0] for x in arms})[a]
                    cell[0] += v
                    cell[1] += 1
            known[code, r] = pooled(strata, method["pool_below"])
        return [(*x[arm], *x[ref]) for x in known[code, r].values()]

    names = (plan or {}).get("hypotheses") or [a for a in arms if a != ref]
    family = [(x.rpartition(":")[0] or an["primary"], x.rpartition(":")[2]) for x in names]
    wrong, tests = [], {}
    if (est.STAT == "rejected").any():
        for r in range(R):
            t = [tables(code, arm, r) for code, arm in family]
            p = adjusted([p_of(x, method) for x in t], plan, names)
            d = [difference(x, "sato")[0] for x in t]
            crude = [tuple(sum(y[k] for y in x) for k in range(4)) for x in t]
            d = [x if x is not None else (a / m - b / n if m and n else None) for x, (a, m, b, n) in zip(d, crude)]
            tests[r] = [(x, y, x is not None and x < 0.05 and y * {"higher": 1, "lower": -1, "none": 0}[benefit[c]] >= 0) for x, y, (c, _) in zip(p, d, family)]

    def close(a, b, tol=1e-7):
        return pd.isna(b) if a is None else not pd.isna(b) and abs(a - b) <= tol * max(1, abs(a))

    def put(e, *pairs):
        if not all(close(a, b, *tol) for a, b, *tol in pairs):
            wrong.append((e.PARAMCD, e.ARM, e.STAT, e.SCOPE, e.CATEGORY, *pairs))

    times = lambda k, x: None if x is None else k * x
    for e in est.itertuples():
        code, arm = str(e.PARAMCD), str(e.ARM)
        if e.STAT == "planned difference" and e.SCOPE == "replicate":
            d, low, high = difference(tables(code, arm, named), method["difference"])
            put(e, (times(100, d), e.ESTIMATE), (times(100, low), e.CI_LOW, 1e-6), (times(100, high), e.CI_HIGH, 1e-6))
        elif e.STAT == "planned difference":
            v = [100 * x for r in range(R) if (x := difference(tables(code, arm, r), "sato")[0]) is not None]
            mean, err = (float(np.mean(v)) if v else None), (float(np.std(v, ddof=1)) / math.sqrt(len(v)) if len(v) > 1 else None)
            put(e, (mean, e.ESTIMATE), (err, e.MCSE), (len(v), e.R))
        elif e.STAT == "planned p":
            put(e, (p_of(tables(code, arm, named), method), e.ESTIMATE))
        elif e.STAT == "planned odds ratio":
            o, low, high = odds(tables(code, arm, named), method["odds_ratio"])
            put(e, (o, e.ESTIMATE, 1e-6), (low, e.CI_LOW, 1e-6), (high, e.CI_HIGH, 1e-6))
        elif e.STAT == "adjusted p":
            put(e, (tests[named][family.index((code, arm))][0], e.ESTIMATE))
        elif e.STAT == "rejected":
            if code == "FAMILY":
                rule = any if e.CATEGORY == "at least one" else all
                told = [rule(x[2] for x in t) for t in tests.values() if any(x[0] is not None for x in t)]
            else:
                told = [t[2] for x in tests.values() if (t := x[family.index((code, arm))])[0] is not None]
            k, n = sum(told), len(told)
            lo, hi = stats.binomtest(k, n).proportion_ci(method="exact") if n else (None, None)
            err = 100 * math.sqrt(k / n * (1 - k / n) / n) if n and 0 < k < n else None
            put(e, (100 * k / n if n else None, e.ESTIMATE), (err, e.MCSE), (times(100, lo), e.CI_LOW), (times(100, hi), e.CI_HIGH), (n, e.R))
        else:
            wrong.append((code, arm, e.STAT, "unknown statistic"))
    return len(est), wrong
