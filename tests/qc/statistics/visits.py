"""The rows ``longitudinal`` of estimates.parquet, restricted means and measured comparisons again, patient by patient: the mixed model by EM (unstructured)
or a general search, its Kenward-Roger terms from every patient's own matrices; incidences by inverse probability of censoring; negative binomial by a search
of all parameters at once; GEE from its estimating equation. Used by recompute.py."""
import math

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

Z = stats.norm.isf(0.025)
YEAR = 365.25


def close(a, b, tol):
    none = lambda x: x is None or pd.isna(x)
    return none(a) == none(b) and (none(a) or abs(a - b) <= tol * max(1, abs(a)))


class Mixed:
    """y: list of dicts visit -> value; X: list of (V, p) arrays."""

    def __init__(self, y, X, V):
        self.V, self.p, self.n = V, X[0].shape[1], len(y)
        self.o = [np.array(sorted(d)) for d in y]
        self.y = [np.array([d[v] for v in o]) for d, o in zip(y, self.o)]
        self.X = X

    def at(self, S):
        A, b, ld, inv = np.zeros((self.p, self.p)), np.zeros(self.p), 0.0, []
        for y, X, o in zip(self.y, self.X, self.o):
            s = S[np.ix_(o, o)]
            sign, d = np.linalg.slogdet(s)
            if sign <= 0 or np.linalg.eigvalsh(s).min() <= 0:
                return None
            m = np.linalg.inv(s); inv.append(m); ld += d
            A += X[o].T @ m @ X[o]; b += X[o].T @ m @ y
        phi = np.linalg.inv(A); beta = phi @ b
        q = sum((y - X[o] @ beta) @ m @ (y - X[o] @ beta) for y, X, o, m in zip(self.y, self.X, self.o, inv))
        N = sum(map(len, self.y))
        return ld + np.linalg.slogdet(A)[1] + q + (N - self.p) * math.log(2 * math.pi), beta, phi, inv

    def em(self, S, tol=1e-11, most=20000):
        """Restricted maximum likelihood, unstructured: what is not seen, and the coefficients, are the missing data."""
        last = None
        for k in range(most):
            dev, beta, phi, inv = self.at(S)
            if last is not None and last - dev < tol: return S
            last = dev; T = np.zeros_like(S)
            for y, X, o, m in zip(self.y, self.X, self.o, inv):
                G = S[:, o] @ m
                e = G @ (y - X[o] @ beta)
                H = G @ X[o]
                T += np.outer(e, e) + S - G @ S[o] + H @ phi @ H.T
            S = T / self.n
        return S

    def search(self, kind):
        V = self.V; place = np.arange(V); lag = abs(np.subtract.outer(place, place))
        r = np.concatenate([y - X[o] @ np.linalg.lstsq(np.vstack([X[o] for X, o in zip(self.X, self.o)]), np.concatenate(self.y), rcond=None)[0] for y, X, o in zip(self.y, self.X, self.o)])
        sd = math.log(r.std())
        def matrix(t):
            if kind == 'compound symmetry': return math.exp(2 * t[0]) * (np.tanh(t[1]) + (1 - np.tanh(t[1])) * np.eye(V))
            s = np.exp(t[:V])
            c = np.tanh(t[V]) ** lag if kind == 'heterogeneous autoregressive' else np.concatenate([[1], np.tanh(t[V:])])[lag]
            return np.outer(s, s) * c
        start = [sd, .3] if kind == 'compound symmetry' else [sd] * V + [.5] * (1 if 'auto' in kind else 0) + ([.5 * .8 ** k for k in range(V - 1)] if 'Toep' in kind else [])
        f = lambda t: (lambda a: 1e10 if a is None else a[0])(self.at(matrix(t)))
        t = np.array(start)
        for _ in range(4): t = optimize.minimize(f, t, method='BFGS', options={'gtol': 1e-7, 'maxiter': 2000}).x
        return matrix(t), matrix, t

    def kr(self, S, slopes, curves=None):
        """Adjusted covariance, spread of theta and P of Kenward and Roger, patient by patient."""
        dev, beta, phi, inv = self.at(S); q, p = len(slopes), self.p
        P = np.zeros((q, p, p)); I = np.zeros((q, q)); parts = []
        for X, o, m in zip(self.X, self.o, inv):
            D = slopes[:, o][:, :, o]; x = X[o]
            a = m @ D; P -= x.T @ a @ (m @ x)
            h = m @ x @ phi @ x.T
            I += np.einsum('iab,jba->ij', a, a) - 2 * np.einsum('iab,jbc,ca->ij', a, a, h, optimize=True)
            parts.append((D, x, m))
        I += np.einsum('ab,ibc,cd,jda->ij', phi, P, phi, P, optimize=True)
        W = np.linalg.inv(I / 2); L = np.zeros((p, p))
        for (D, x, m), o in zip(parts, self.o):
            inner = np.einsum('ij,iab,bc,jcd->ad', W, D, m, D, optimize=True)
            if curves is not None: inner = inner - np.einsum('ij,ijab->ab', W, curves[:, :, o][:, :, :, o]) / 4
            L += x.T @ m @ inner @ m @ x
        L -= np.einsum('ij,iab,bc,jcd->ad', W, P, phi, P, optimize=True)
        return beta, phi, phi + 2 * phi @ L @ phi, W, P, dev


def numeric(matrix, t, h=1e-5):
    e = h * np.eye(len(t)); q = range(len(t))
    one = np.array([(matrix(t + e[i]) - matrix(t - e[i])) / (2 * h) for i in q])
    h2 = 1e-4; e = h2 * np.eye(len(t))
    two = np.array([[(matrix(t + e[i] + e[j]) - matrix(t + e[i] - e[j]) - matrix(t - e[i] + e[j]) + matrix(t - e[i] - e[j])) / (4 * h2 * h2) for j in q] for i in q])
    return one, two


def gee(y, arm, stratum, ref, working, alpha):
    """{(arm, visit)} logits with the robust covariance; cells with one answer left out. y: dicts visit -> 0/1."""
    arms = sorted(set(arm)); V = sorted({v for d in y for v in d})
    cells = [(a, v) for a in arms for v in V if len({d[v] for d, b in zip(y, arm) if b == a and v in d}) == 2]
    strata = sorted({s for d, a, s in zip(y, arm, stratum) if any((a, v) in cells for v in d)})[1:]
    p = len(cells) + len(strata); people = []
    for d, a, s in zip(y, arm, stratum):
        vs = [v for v in sorted(d) if (a, v) in cells]
        if not vs: continue
        X = np.zeros((len(vs), p))
        for k, v in enumerate(vs): X[k, cells.index((a, v))] = 1
        for k, w in enumerate(strata): X[:, len(cells) + k] = s == w
        people.append((np.array([d[v] for v in vs]), X))
    b = np.zeros(p)
    for _ in range(200):
        H, g, B = np.zeros((p, p)), np.zeros(p), np.zeros((p, p))
        for yi, X in people:
            mu = special.expit(X @ b); v = mu * (1 - mu); s = np.sqrt(v); n = len(yi)
            R = np.eye(n) if working == 'independence' else alpha + (1 - alpha) * np.eye(n)
            Vi = np.linalg.inv(s[:, None] * R * s); D = v[:, None] * X
            H += D.T @ Vi @ D; u = D.T @ Vi @ (yi - mu); g += u; B += np.outer(u, u)
        step = np.linalg.solve(H, g); b = b + step
        if abs(step).max() < 1e-11: break
    Hi = np.linalg.inv(H)
    return cells, b, Hi @ B @ Hi


def nbreg(y, t, X):
    """Coefficients, their covariance and the dispersion; 0 where Poisson's likelihood is not below."""
    def nll(q, a):
        mu = np.exp(X @ q) * t
        if a < 1e-7: return -(y * np.log(mu) - mu - special.gammaln(y + 1)).sum()
        r = 1 / a; return -(special.gammaln(y + r) - special.gammaln(r) - special.gammaln(y + 1) + r * np.log(r / (r + mu)) + y * np.log(mu / (r + mu))).sum()
    start = np.linalg.lstsq(X, np.full(len(y), math.log(max(y.sum(), 1) / t.sum())), rcond=None)[0]
    pois = optimize.minimize(lambda q: nll(q, 0), start, method='BFGS', options={'gtol': 1e-9})
    both = optimize.minimize(lambda q: nll(q[:-1], math.exp(q[-1])), np.append(pois.x, -1.0), method='BFGS', options={'gtol': 1e-9})
    a = math.exp(both.x[-1]) if both.fun < pois.fun - 1e-7 else 0.0
    q = both.x[:-1] if a else pois.x
    mu = np.exp(X @ q) * t
    return q, np.linalg.inv(X.T @ (X * (mu / (1 + a * mu))[:, None])), a


def check(cfg, P, O, E, S, out, ALL, T):
    """(rows checked, mismatches); T(code, arm, replicate) -> [(day, event, stratum)] of the times to event."""
    an = cfg['analysis']; say = an.get('longitudinal') or {}; named = an.get('named_replicate', 0); ref = an.get('reference_arm')
    arms = [a['id'] for a in cfg['arms']]; window = int(cfg['visits'].get('window_days') or 0); vis = sorted(cfg['visits']['days']); thr = an.get('response_threshold_1e9L', 50)
    bad = {(r.IREP, r.SUBJID) for r in S.itertuples() if r.STATUS != 'OK'}
    who = [p for p in P.itertuples() if p.IREP == named and (p.IREP, p.SUBJID) not in bad]
    seen, grade, resc, stops = {}, {}, {}, {}
    for r in O[(O.IREP == named) & (O.AVISITN > 0)].itertuples():
        if r.PARAMCD == 'PLAT' and not pd.isna(r.AVAL): seen.setdefault(r.SUBJID, {})[r.AVISITN] = (r.ADY, r.AVAL)
        if r.PARAMCD == 'WHOBLEED' and not pd.isna(r.AVAL): grade.setdefault(r.SUBJID, {})[r.AVISITN] = r.AVAL
    for r in E[(E.IREP == named) & (E.EVENT == 'RESCUE')].itertuples():
        z = getattr(r, 'VOIDENDY', None); resc.setdefault(r.SUBJID, []).append((r.ADY, math.inf if z is None or pd.isna(z) else z))
    end = max(vis) + window
    def last(p): return end if p.EOSSTT == 'COMPLETED' else (max([d for d, _ in seen.get(p.SUBJID, {}).values()], default=0) if pd.isna(p.EOSDY) else p.EOSDY)
    rows = ALL[(ALL.PARCAT1 == 'longitudinal') | ALL.STAT.astype(str).isin(['restricted mean', 'restricted mean difference', 'restricted mean p', 'planned shift', 'planned adjusted difference', 'planned adjusted ratio'])]
    wrong = []
    def put(e, *pairs):
        for a, b, tol in pairs:
            if not close(a, b, tol): wrong.append((e.PARCAT1, e.PARAMCD, e.ARM, e.STAT, e.CATEGORY, e.SCOPE, a, b)); return
    # mixed model
    model = {}
    if say.get('mmrm'):
        y, base, arm, st = [], [], [], []
        for p in who:
            d = {vis.index(v): math.log(max(c, 1)) for v, (day, c) in seen.get(p.SUBJID, {}).items() if not (say.get('after_rescue', 'left_out') == 'left_out' and any(a <= day < z for a, z in resc.get(p.SUBJID, [])))}
            if d: y.append(d); base.append(math.log(max(p.BLPLAT, 1))); arm.append(str(p.ARM)); st.append(str(p.STRATUM))
        cells = [(a, v) for a in arms for v in range(len(vis)) if any(b == a and v in d for d, b in zip(y, arm))]
        strata = sorted(set(st))[1:]; V = len(vis); base = np.array(base) - np.mean(base)
        cov = [('b', v) for v in range(V)] + [('s', s) for s in strata]; share = {s: st.count(s) / len(st) for s in strata}
        X = [np.array([[float(c == (a, v)) for c in cells] + [b * (k == v) if w == 'b' else (s == k) - share[k] for w, k in cov] for v in range(V)]) for b, a, s in zip(base, arm, st)]
        flat = np.vstack([x[sorted(d)] for x, d in zip(X, y)]); keep = list(range(len(cells)))
        for k in range(len(cells), flat.shape[1]):
            if np.linalg.matrix_rank(flat[:, [*keep, k]]) > len(keep): keep.append(k)
        m = Mixed(y, [x[:, keep] for x in X], V); note = str(rows[rows.STAT == 'MMRM deviance'].NOTE.iloc[0]); kind = note.partition(';')[0]
        if not kind.startswith('none'):
            if kind == 'unstructured':
                Sg = m.em(np.eye(V) * np.var(np.concatenate(m.y))); i, j = np.tril_indices(V); slopes = np.zeros((len(i), V, V)); slopes[range(len(i)), i, j] = slopes[range(len(i)), j, i] = 1; curves = None
            else:
                Sg, _, _ = m.search(kind); lag = abs(np.subtract.outer(np.arange(V), np.arange(V)))
                if kind == 'compound symmetry': t, f = np.array([Sg[0, 0], Sg[0, 1]]), lambda t: t[1] + (t[0] - t[1]) * np.eye(V)
                else:
                    s = np.sqrt(np.diag(Sg)); c = Sg / np.outer(s, s); t = np.concatenate([s, [c[0, 1]] if 'auto' in kind else c[0, 1:]])
                    f = (lambda t: np.outer(t[:V], t[:V]) * t[V] ** lag) if 'auto' in kind else (lambda t: np.outer(t[:V], t[:V]) * np.concatenate([[1], t[V:]])[lag])
                slopes, curves = numeric(f, t)
            beta, phi, adj, W, Pm, dev = m.kr(Sg, slopes, curves); use = adj if say.get('degrees_of_freedom', 'kenward_roger') == 'kenward_roger' else phi
            def contrast(l):
                l = np.concatenate([l, np.zeros(len(keep) - len(cells))]); g = np.array([l @ phi @ p @ phi @ l for p in Pm]); df = 2 * (l @ phi @ l) ** 2 / (g @ W @ g); d, s = l @ beta, math.sqrt(l @ use @ l)
                return d, d - stats.t.isf(.025, df) * s, d + stats.t.isf(.025, df) * s, 2 * stats.t.sf(abs(d) / s, df), df
            model = dict(cells=cells, contrast=contrast, dev=dev, seen=lambda a, v: sum(b == a and v in d for d, b in zip(y, arm)))
    # response at every visit
    if say.get('gee'):
        stop = {}
        ans = [{v: float(c >= thr and day < STOP.get(p.SUBJID, math.inf) and not any(a <= day < z for a, z in resc.get(p.SUBJID, []))) for v, (day, c) in seen.get(p.SUBJID, {}).items()} for p in who]
        garm, gst = [str(p.ARM) for p in who], [str(p.STRATUM) for p in who]
        alpha = rows[rows.STAT == 'GEE correlation'].ESTIMATE; alpha = float(alpha.iloc[0]) if len(alpha) and not pd.isna(alpha.iloc[0]) else 0.0
        gcells, gb, gv = gee(ans, garm, gst, ref, say.get('working_correlation', 'exchangeable'), alpha)
    def ratio_of(l): s = math.sqrt(l @ gv @ l); d = l @ gb; return math.exp(d), math.exp(d - Z * s), math.exp(d + Z * s), 2 * stats.norm.sf(abs(d) / s)
    def rmst(code, a, r, tau):
        t = T(code, a, r)
        if not t: return None, None
        surv, points = 1.0, []
        for d in sorted({x[0] for x in t if x[1]}):
            if d >= tau: continue
            n = sum(x[0] >= d for x in t); k = sum(x[0] == d and x[1] for x in t); surv *= 1 - k / n; points.append((d, n, k, surv))
        left = [x for x in t if not x[1]]
        if max(x[0] for x in t) < tau and (surv > 1e-9): return None, None
        area, at, s = 0.0, 0, 1.0
        for d, n, k, s2 in [*points, (tau, 1, 0, 0)]: area += s * (d - at); at, s = d, s2
        var = 0.0
        for i, (d, n, k, s2) in enumerate(points):
            rest, at, s = 0.0, d, s2
            for d2, *_, s3 in [*points[i + 1:], (tau, 1, 0, 0)]: rest += s * (d2 - at); at, s = d2, s3
            if n > k: var += rest ** 2 * k / (n * (n - k))
        return area, math.sqrt(var)
    # leaving
    def kinds(code):
        found = []
        for p in who:
            gone = str(p.DCSREAS) if p.EOSSTT == 'DISCONTINUED' and not pd.isna(p.DCSREAS) else ''
            if code == 'LEFT': found.append((last(p), gone, str(p.ARM))); continue
            hit = min([d for d, c in seen.get(p.SUBJID, {}).values() if c >= thr and d < STOP.get(p.SUBJID, math.inf) and not any(a <= d < z for a, z in resc.get(p.SUBJID, []))], default=None)
            l = last(p); never = p.SUBJID in STOP or any(z == math.inf for _, z in resc.get(p.SUBJID, [])) or any(a <= l < z for a, z in resc.get(p.SUBJID, []))
            if hit is not None: found.append((hit, 'response', str(p.ARM)))
            elif never: found.append((end, 'left first' if gone and l >= end else '', str(p.ARM)))
            else: found.append((l, 'left first' if gone else '', str(p.ARM)))
        return found
    def incidence(found, a, name, by):
        from statsmodels.duration.survfunc import CumIncidenceRight
        t = [(d, k) for d, k, b in found if b == a]; n = len(t)
        if not n: return None, None, None
        G = lambda d: np.prod([1 - sum(x == c and not k for x, k in t) / sum(x > c or (x == c and not k) for x, k in t) for c in {x for x, k in t if not k and x < d}] or [1.0])
        top = max(x for x, _ in t)
        if by > top and not all(k for x, k in t if x == top): return None, None, None
        F = sum((k == name) / G(d) for d, k in t if d <= by and k == name) / n
        names = sorted({k for _, k in t if k}, key=lambda k: k != name)
        if not 1e-9 < F < 1 - 1e-9: return 100 * F, None, None
        fit = CumIncidenceRight(np.array([d + 1.0 for d, _ in t]), np.array([0 if not k else names.index(k) + 1 for _, k in t])); at = np.searchsorted(fit.times, by + 1, side='right') - 1
        w = math.exp(Z * fit.cinc_se[0][at] / (F * abs(math.log(F))))
        return 100 * F, 100 * F ** w, 100 * F ** (1 / w)
    years = np.array([last(p) / YEAR for p in who])
    def episodes(s):
        runs, before = 0, 0
        for v in sorted(s): runs += s[v] >= 1 and before < 1; before = s[v]
        return runs
    events = {'RESCUES': np.array([float(len({a for a, _ in resc.get(p.SUBJID, []) if a > 0})) for p in who]), 'BLEEDS': np.array([float(episodes(grade.get(p.SUBJID, {}))) for p in who])}
    parm, pst = np.array([str(p.ARM) for p in who]), np.array([str(p.STRATUM) for p in who])
    fits = {}
    def rate_ratio(code, a):
        if code not in fits:
            y = events[code]; use = years > 0
            for v in (parm, pst): use &= ~np.isin(v, [x for x in set(v) if not y[use & (v == x)].sum() > 0])
            A, B = sorted(set(parm[use])), sorted(set(pst[use]))[1:]
            fits[code] = (A, *nbreg(y[use], years[use], np.column_stack([parm[use] == x for x in A] + [pst[use] == x for x in B]).astype(float))) if ref in A and len(A) > 1 else None
        if not fits[code] or a not in fits[code][0]: return (None,) * 5
        A, q, C, disp = fits[code]; l = np.zeros(len(q)); l[A.index(a)] += 1; l[A.index(ref)] -= 1
        d, s = l @ q, math.sqrt(l @ C @ l); return math.exp(d), math.exp(d - Z * s), math.exp(d + Z * s), 2 * stats.norm.sf(abs(d) / s), disp
    def measured(code, a, r):
        arms_, val, b, s = [], [], [], []
        for p in P.itertuples():
            v = out[p.IREP, p.SUBJID].get(code) if p.IREP == r else None
            if v is not None: arms_.append(str(p.ARM)); val.append(v); b.append(p.BLPLAT); s.append(str(p.STRATUM) if an['method']['strata'] == 'randomisation' else '')
        arms_, val, b, s = np.array(arms_), np.array(val, float), np.array(b, float), np.array(s)
        one, two = val[arms_ == a], val[arms_ == ref]
        if not len(one) or not len(two): return (None,) * 4
        how = an['method']['measured']
        if how == 'hodges_lehmann':
            gaps = sorted(x - y for x in one for y in two); m, n = len(one), len(two)
            ties = len(set(one) | set(two)) < m + n
            if max(m, n) < 50 and not ties:  # the smallest rank whose tail is not below 2.5 %: by scipy's exact test
                k = next(k for k in range(m * n) if stats.mannwhitneyu(*exact_pair(m, n, k), method='exact', alternative='less').pvalue >= .025)
                c = max(1, k)
            else: c = max(1, math.floor(m * n / 2 - Z * math.sqrt(m * n * (m + n + 1) / 12)))
            d = v = 0.0
            for t in set(s):
                x, y = val[(s == t) & (arms_ == a)], val[(s == t) & (arms_ == ref)]
                if not len(x) or not len(y): continue
                N = len(x) + len(y); u = sum((p > q) + (p == q) / 2 for p in x for q in y); al = np.concatenate([x, y]); _, ct = np.unique(al, return_counts=True)
                d += (u - len(x) * len(y) / 2) / (N + 1); v += len(x) * len(y) / 12 * (N + 1 - (ct ** 3 - ct).sum() / (N * (N - 1))) / (N + 1) ** 2
            told = any(((s == t) & (arms_ == a)).any() and ((s == t) & (arms_ == ref)).any() for t in set(s))
            return float(np.median(gaps)), gaps[c - 1], gaps[-c], (2 * stats.norm.sf(abs(d) / math.sqrt(v)) if v > 1e-15 else 1.0) if told else None
        if how == 'ancova_log':
            if (val <= 0).any(): return (None,) * 4
            val, b = np.log(val), np.log(np.maximum(b, 1))
        from statsmodels.regression.linear_model import OLS
        X = np.column_stack([np.ones(len(val)), *[arms_ == x for x in sorted(set(arms_) - {ref}, key=lambda x: x != a)], *[s == t for t in sorted(set(s))[1:]], b]).astype(float)
        keep = []
        for k in range(X.shape[1]):
            if np.linalg.matrix_rank(X[:, [*keep, k]]) > len(keep): keep.append(k)
        if len(val) <= len(keep): return (None,) * 4
        fit = OLS(val, X[:, keep]).fit(); g = math.exp if how == 'ancova_log' else float
        return g(fit.params[1]), g(fit.conf_int()[1, 0]), g(fit.conf_int()[1, 1]), float(fit.pvalues[1])
    for e in rows.itertuples():
        code, a, stat, cat = str(e.PARAMCD), str(e.ARM), str(e.STAT), str(e.CATEGORY); three = e.ESTIMATE, e.CI_LOW, e.CI_HIGH
        every = lambda f: [x for r in range(int(P.IREP.max()) + 1) if (x := f(r)) is not None]
        def over(values):
            put(e, (float(np.mean(values)) if values else None, e.ESTIMATE, 1e-7), (float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else None, e.MCSE, 1e-7), (len(values), e.R, 0))
        if stat.startswith('MMRM'):
            if not model: put(e, (None, e.ESTIMATE, 0)); continue
            if stat == 'MMRM deviance': put(e, (model['dev'], e.ESTIMATE, 1e-6)); continue
            v = vis.index(int(cat)); l = np.array([float(c == (a, v)) for c in model['cells']]); n = model['seen'](a, v)
            if stat != 'MMRM mean': l -= np.array([float(c == (ref, v)) for c in model['cells']]); n += model['seen'](ref, v)
            d, lo, hi, p, df = model['contrast'](l)
            if stat in ('MMRM mean', 'MMRM ratio'): put(e, *[(math.exp(x), y, 2e-4) for x, y in zip((d, lo, hi), three)], (n, e.N, 0))
            else: put(e, (p, e.ESTIMATE, 1e-4) if stat == 'MMRM p' else (df, e.ESTIMATE, 2e-3))
        elif stat in ('GEE odds ratio', 'GEE p'):
            use = [v for v in vis if (a, v) in gcells and (ref, v) in gcells and cat in ('average', str(v))]
            if not use: put(e, (None, e.ESTIMATE, 0)); continue
            l = np.zeros(len(gb))
            for v in use: l[gcells.index((a, v))] += 1 / len(use); l[gcells.index((ref, v))] -= 1 / len(use)
            o, lo, hi, p = ratio_of(l)
            put(e, *([(x, y, 1e-4) for x, y in zip((o, lo, hi), three)] if stat != 'GEE p' else [(p, e.ESTIMATE, 1e-5)]))
        elif stat == 'GEE correlation' and not any((a, v) in gcells and (ref, v) in gcells for a in arms for v in vis if a != ref): put(e, (None, e.ESTIMATE, 0))
        elif stat == 'GEE correlation':
            r, pairs, square, N = 0.0, 0, 0.0, 0
            for d, b, s in zip(ans, garm, gst):
                X = [v for v in d if (b, v) in gcells]
                if not X: continue
                st_ = gb[len(gcells):]; names = sorted({s2 for d2, b2, s2 in zip(ans, garm, gst) if any((b2, v) in gcells for v in d2)})[1:]
                z = [(d[v] - (mu := special.expit(gb[gcells.index((b, v))] + sum(w for w, x in zip(st_, names) if x == s)))) / math.sqrt(mu * (1 - mu)) for v in X]
                square += sum(x * x for x in z); N += len(z); r += (sum(z) ** 2 - sum(x * x for x in z)) / 2; pairs += len(z) * (len(z) - 1) / 2
            put(e, ((r / (pairs - len(gb))) / (square / (N - len(gb))), e.ESTIMATE, 1e-4))
        elif stat == 'restricted mean':
            tau = int(cat)
            if e.SCOPE == 'replicate':
                m, s = rmst(code, a, named, tau); put(e, (m, three[0], 1e-7), *([(m - Z * s, three[1], 1e-6), (m + Z * s, three[2], 1e-6)] if m is not None else []))
            else: over(every(lambda r: rmst(code, a, r, tau)[0]))
        elif stat.startswith('restricted mean'):
            both = lambda r: (rmst(code, a, r, int(cat)), rmst(code, ref, r, int(cat)))
            def gap(r): (x, s), (y, u) = both(r); return (None, None) if x is None or y is None else (x - y, math.hypot(s, u))
            if e.SCOPE == 'replicates': over(every(lambda r: gap(r)[0])); continue
            d, s = gap(named)
            if stat.endswith(' p'): put(e, (None if not s else 2 * stats.norm.sf(abs(d) / s), e.ESTIMATE, 1e-6))
            else: put(e, (d, three[0], 1e-7), *([(d - Z * s, three[1], 1e-6), (d + Z * s, three[2], 1e-6)] if d is not None else []))
        elif stat == 'cumulative incidence':
            name, _, day = cat.rpartition(', day '); found = kinds(code); by = int(day) + window
            put(e, *[(x, y, 1e-6) for x, y in zip(incidence(found, a, name, by), three)], (sum(b == a and k == name and d <= by for d, k, b in found), e.N_EVENT, 0))
        elif stat == 'events per patient-year':
            x, t = events[code][parm == a].sum(), years[parm == a].sum()
            put(e, *([(x / t, three[0], 1e-7), (stats.chi2.ppf(.025, 2 * x) / 2 / t if x else 0.0, three[1], 1e-6), (stats.chi2.ppf(.975, 2 * x + 2) / 2 / t, three[2], 1e-6)] if t else [(None, three[0], 0)]), (x, e.N_EVENT, 0))
        elif stat == 'recurrent patient-years': put(e, (years[parm == a].sum(), e.ESTIMATE, 1e-7))
        elif stat in ('rate ratio', 'rate ratio p', 'dispersion'):
            o, lo, hi, p, disp = rate_ratio(code, a)
            put(e, *([(x, y, 1e-4) for x, y in zip((o, lo, hi), three)] if stat == 'rate ratio' else [(p, e.ESTIMATE, 1e-4)] if stat.endswith(' p') else [(disp, e.ESTIMATE, 2e-4)]))
        elif stat.startswith('planned'):
            if e.SCOPE == 'replicates': over(every(lambda r: measured(code, a, r)[0])); continue
            put(e, *[(x, y, 1e-6) for x, y in zip(measured(code, a, named)[:3], three)])
        else: wrong.append((code, a, stat, 'unknown statistic'))
    p_rows = ALL[(ALL.PARCAT1 == 'planned') & (ALL.STAT == 'planned p')]; codes = set(rows[rows.STAT.astype(str).str.startswith('planned')].PARAMCD.astype(str))
    for e in p_rows.itertuples():
        if str(e.PARAMCD) in codes: put(e, (measured(str(e.PARAMCD), str(e.ARM), named)[3], e.ESTIMATE, 1e-6))
    return len(rows), wrong


STOP = {}


def exact_pair(m, n, wins):
    """Two groups without ties of which the first wins so many of the m n pairs."""
    first, left = [], wins
    for _ in range(m):
        w = min(left, n); first.append(w); left -= w
    return [w + .5 + .01 * k for k, w in zip(range(m, 0, -1), first)], [k + .3 for k in range(n)]
