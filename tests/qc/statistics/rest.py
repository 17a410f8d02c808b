"""The rows of estimates.parquet that are not of endpoints, again from the tables, one patient and one day at a time:
time to event, incidence, disposition, baseline, screening, not evaluable. Used by recompute.py."""
import math
import os
import numpy as np, pandas as pd
from scipy import stats
from statsmodels.duration.hazard_regression import PHReg

Z = 1.959963984540054
WEEKS = (1, 2, 4, 8)
INF = float('inf')


def same(a, b, t=1e-7):
    none = lambda x: x is None or (isinstance(x, float) and math.isnan(x)) or x is pd.NA
    if none(a) or none(b): return none(a) and none(b)
    return abs(a - b) <= t * max(1, abs(a))


def over(values):
    """Mean, error and range of the replicates that have a value."""
    v = np.array([x for x in values if x is not None and not math.isnan(x)], float)
    if not len(v): return None, None, None, None, 0
    if len(v) == 1: return v[0], None, None, None, 1
    return v.mean(), v.std(ddof=1) / math.sqrt(len(v)), np.quantile(v, .025), np.quantile(v, .975), len(v)


def km(times):
    """[(day, share, low, high)] at every day with an event, log-log limits; and the last day watched."""
    s, g, out = 1.0, 0.0, []
    for d in sorted({t for t, e in times if e}):
        n = sum(t >= d for t, _ in times); x = sum(t == d and e for t, e in times)
        s *= 1 - x / n; g = g + x / (n * (n - x)) if n > x else g
        if 1e-9 < s < 1 - 1e-9:
            w = math.exp(Z * math.sqrt(g) / abs(math.log(s))); out.append((d, 1 - s, 1 - s ** (1 / w), 1 - s ** w))
        else: out.append((d, 1 - s, None, None))
    return out, max((t for t, _ in times), default=None)


def by(curve, last, day):
    known = last is not None and (day <= last or (curve and curve[-1][1] > 1 - 1e-9))
    if not known: return None, None, None
    now = [c for c in curve if c[0] <= day]
    return now[-1][1:] if now else (0.0, None, None)


def crossing(curve, k, last):
    points = [(c[0], c[k]) for c in curve if c[k] is not None]
    first = next((p for p in points if p[1] >= .5 - 1e-9), None)
    if first is None: return None
    if abs(first[1] - .5) > 1e-9: return first[0]
    # the curve, not the limit, may run at a half; a limit that does ends where it next rises
    end = next((d for d, v in points if v > .5 + 1e-9), None)
    if end is None and k == 1: end = last
    return first[0] if end is None else (first[0] + end) / 2


def logrank(a, b):
    o = e = v = 0.0
    for s in {x[2] for x in a + b}:
        one, two = [x for x in a if x[2] == s], [x for x in b if x[2] == s]
        for d in sorted({t for t, ev, _ in one + two if ev}):
            n1, n2 = sum(t >= d for t, _, _ in one), sum(t >= d for t, _, _ in two)
            d1 = sum(t == d and ev for t, ev, _ in one); x = d1 + sum(t == d and ev for t, ev, _ in two); n = n1 + n2
            if not n1 or not n2: continue
            o += d1; e += x * n1 / n
            if n > 1: v += x * n1 / n * n2 / n * (n - x) / (n - 1)
    return 2 * stats.norm.sf(abs(o - e) / math.sqrt(v)) if v > 0 else None


def cox(a, b):
    """Hazard ratio of a over b with Wald limits, Efron's ties, strata; None where one of the arms tells nothing."""
    def tells(x, y): return any(ev and any(t2 >= t and s2 == s for t2, _, s2 in y) for t, ev, s in x)
    if not (tells(a, b) and tells(b, a)): return None, None, None
    rows = [(t, ev, s, 1.0) for t, ev, s in a] + [(t, ev, s, 0.0) for t, ev, s in b]
    strata = {s: k for k, s in enumerate(sorted({r[2] for r in rows}))}
    fit = PHReg(np.array([r[0] + 1.0 for r in rows]), np.array([[r[3]] for r in rows]), status=np.array([int(r[1]) for r in rows]), strata=np.array([strata[r[2]] for r in rows]), ties='efron').fit(disp=0)
    return tuple(math.exp(fit.params[0] + k * Z * fit.bse[0]) for k in (0, -1, 1))


def times_of(cfg, P, O, E, D, S, AE, AETABLE):
    """{code: {(replicate, arm): [(day, event, stratum)]}}"""
    an, vis = cfg['analysis'], cfg['visits']; thr = an.get('response_threshold_1e9L', 50)
    end = max(vis['days']) + int(vis.get('window_days', 0))
    bad = {(r.IREP, r.SUBJID) for r in S.itertuples() if r.STATUS != 'OK'}
    seen = {}
    for r in O[(O.PARAMCD == 'PLAT') & (O.AVISITN > 0) & O.AVAL.notna()].itertuples(): seen.setdefault((r.IREP, r.SUBJID), []).append((r.ADY, r.AVAL))
    resc, stop, voids = {}, {}, {}
    for r in E[E.EVENT == 'RESCUE'].itertuples():
        k = (r.IREP, r.SUBJID); resc[k] = min(resc.get(k, INF), r.ADY if r.ADY > 0 else INF); z = getattr(r, 'VOIDENDY', None)
        voids.setdefault(k, []).append((r.ADY, INF if z is None or pd.isna(z) else z))
    for r in D[D.ACTION == 'stop'].itertuples(): k = (r.IREP, r.SUBJID); stop[k] = min(stop.get(k, INF), r.ASTDY)
    first_ae = {}
    if AETABLE is not None:
        for r in AETABLE.itertuples(): k = (r.IREP, r.SUBJID, r.AECD); first_ae[k] = min(first_ae.get(k, INF), r.ADY)
    out = {}
    def put(code, p, day, event): out.setdefault(code, {}).setdefault((p.IREP, str(p.ARM)), []).append((int(day), bool(event), str(p.STRATUM)))
    for p in P.itertuples():
        k = (p.IREP, p.SUBJID)
        if k in bad: continue
        c = seen.get(k, []); r = resc.get(k, INF); s_ = stop.get(k, INF); w = voids.get(k, [])
        free = lambda d: d < s_ and not any(a <= d < z for a, z in w)
        last = end if p.EOSSTT == 'COMPLETED' else (max([d for d, _ in c], default=0) if pd.isna(p.EOSDY) else p.EOSDY)
        hit = min([d for d, v in c if v >= thr and free(d)], default=INF)
        never = s_ < INF or any(z == INF for _, z in w) or not free(last)
        put('TTRESP', p, hit if hit < INF else end if never else last, hit < INF)
        put('TTRESC', p, r if r < INF else last, r < INF)
        if hit < INF:
            loss = min(min([d for d, v in c if v < thr and d > hit], default=INF), min([a for a, _ in w if a > hit], default=INF), s_)
            put('TTLOSS', p, (loss if loss < INF else last) - hit, loss < INF)
        for code in AE:
            d = first_ae.get((*k, code), INF)  # the day of the event is a whole day at risk, within the last day told
            if not pd.isna(p.EOSDY): put('AE_' + code, p, min(d + 1, p.EOSDY) if d < INF else p.EOSDY, d < INF)
    return out


def check(run, cfg, P, O, E, D, S, EST, AETABLE=None, WHOLE=None):
    """How many rows were checked, and what differs; rows of unknown kinds are listed too. Of a trial with stages the tables
    and the config are those of the analysed stage, WHOLE the patients of the whole trial."""
    A = [a['id'] for a in cfg['arms']]; an = cfg['analysis']; named = an.get('named_replicate', 0); R = int(cfg['replicates'])
    window = int(cfg['visits'].get('window_days', 0)); strata = bool(cfg['randomisation'].get('strata'))
    aet = AETABLE
    rest = EST[~EST.PARCAT1.isin(['endpoint', 'planned', 'longitudinal', 'subgroup']) & ~EST.STAT.astype(str).str.startswith('restricted mean')]; wrong = []; n = 0
    proxies = sorted(set(map(str, rest[rest.PARCAT1 == 'incidence'].PARAMCD))); codes = [c.removeprefix('AE_') for c in proxies]
    T = times_of(cfg, P, O, E, D, S, codes, aet)
    def of(code, arm, r): return T.get(code, {}).get((r, arm), [])
    def test(e, one, allr=None):
        """``one``: (estimate, low, high) of the named replicate; ``allr``: a value per replicate."""
        nonlocal n; n += 1
        if e.SCOPE == 'replicate':
            ok = same(one[0], e.ESTIMATE) and same(one[1], e.CI_LOW, 1e-5) and same(one[2], e.CI_HIGH, 1e-5)
            if not ok: wrong.append((e.PARCAT1, e.PARAMCD, e.ARM, e.STAT, e.CATEGORY, one, (e.ESTIMATE, e.CI_LOW, e.CI_HIGH)))
        else:
            m, s, l, h, r = over(allr)
            if not (same(m, e.ESTIMATE) and same(s, e.MCSE) and same(l, e.RANGE_LOW) and same(h, e.RANGE_HIGH) and r == e.R):
                wrong.append((e.PARCAT1, e.PARAMCD, e.ARM, e.STAT, e.CATEGORY, (m, s, l, h, r), (e.ESTIMATE, e.MCSE, e.RANGE_LOW, e.RANGE_HIGH, e.R)))
    curves = {}
    def curve(code, arm, r):
        if (code, arm, r) not in curves: curves[code, arm, r] = km([(t, ev) for t, ev, _ in of(code, arm, r)])
        return curves[code, arm, r]
    def med(code, arm, r):
        if not of(code, arm, r): return None, None, None
        c, last = curve(code, arm, r); return crossing(c, 1, last), crossing(c, 3, last), crossing(c, 2, last)
    base = (P if WHOLE is None else WHOLE).copy(); base['ARM'] = base.ARM.astype(str)
    failed = {(r.IREP, r.SUBJID) for r in S.itertuples() if r.STATUS != 'OK'}
    scr = pd.read_parquet(f'{run}/screening.parquet') if os.path.exists(f'{run}/screening.parquet') else None
    EP = pd.read_parquet(f'{run}/endpoints.parquet')
    LIMITS = {'AGE65': ('AGE', lambda v: v > 65), 'BLBLEED': ('BLBLEED', lambda v: v > 0), 'BLPLAT_LT10': ('BLPLAT', lambda v: (v >= 0) & (v < 10)),
              'ITPDUR_0.5': ('ITPDUR', lambda v: (v >= .5) & (v < 1)), 'ITPDUR_1': ('ITPDUR', lambda v: (v >= 1) & (v < 3)), 'ITPDUR_3': ('ITPDUR', lambda v: (v >= 3) & (v < 5)), 'ITPDUR_5': ('ITPDUR', lambda v: v >= 5)}
    WORDS = {'FEMALE': ('SEX', 'F'), 'SPLENFL': ('SPLENFL', 'Y'), 'CONITPFL': ('CONITPFL', 'Y')}
    def column(code):
        if code in WORDS:
            name, word = WORDS[code]; v = base[name].astype(object); return v.map(lambda x: math.nan if x is None or x != x or x == '' else float(x == word))
        if code in LIMITS:
            name, test_ = LIMITS[code]; v = base[name].astype(float); return pd.Series(np.where(v.isna(), math.nan, test_(v)), index=v.index)
        return base[code].astype(float)
    columns = {}
    def values(code, arm, r, missing=False):
        if code not in columns: columns[code] = column(code).to_numpy(dtype=float)
        v = columns[code][((base.IREP == r) & ((base.ARM == arm) | (arm == 'ALL'))).to_numpy()]
        return np.isnan(v).sum() if missing else v[~np.isnan(v)]
    ref, stages = an.get('reference_arm'), None
    for e in rest.itertuples():
        code, arm, stat, cat = str(e.PARAMCD), str(e.ARM), str(e.STAT), str(e.CATEGORY)
        if e.PARCAT1 == 'time to event':
            t = [of(code, arm, r) for r in range(R)]
            if stat == 'event rate':
                v = [100 * sum(x[1] for x in s) / len(s) if s else None for s in t]; test(e, (v[named], None, None), v)
                if e.SCOPE == 'replicate' and (e.N, e.N_EVENT) != (len(t[named]), sum(x[1] for x in t[named])): wrong.append((code, arm, 'n'))
            elif stat == 'median time':
                if e.SCOPE == 'replicate': test(e, med(code, arm, named))
                else:
                    m = [med(code, arm, r)[0] for r in range(R) if t[r]]
                    if any(x is None for x in m):
                        n += 1
                        if not pd.isna(e.ESTIMATE) or e.R != len(m): wrong.append((code, arm, 'median, not reached', m[:5], e.ESTIMATE, e.R))
                    else: test(e, None, m)
            elif stat == 'share by week':
                day = 7 * int(cat) + (2 if code == 'TTLOSS' else 1) * window
                v = [by(*curve(code, arm, r), day) if t[r] else (None,) * 3 for r in range(R)]
                test(e, tuple(None if x is None else 100 * x for x in v[named]), [None if x[0] is None else 100 * x[0] for x in v])
            elif stat in ('hazard ratio', 'log-rank p'):
                if str(e.COMPARATOR) != ref: wrong.append((code, arm, stat, 'comparator')); continue
                strip = lambda s: s if strata else [(a, b, '') for a, b, _ in s]
                if stat == 'log-rank p': test(e, (logrank(strip(of(code, arm, named)), strip(of(code, ref, named))), None, None))
                elif e.SCOPE == 'replicate': test(e, cox(strip(of(code, arm, named)), strip(of(code, ref, named))))
                else:
                    n += 1; logs = [cox(strip(of(code, arm, r)), strip(of(code, ref, r)))[0] for r in range(R)]
                    m, s, l, h, k = over([None if x is None else math.log(x) for x in logs])
                    ex = lambda x: None if x is None else math.exp(x)
                    if not (same(ex(m), e.ESTIMATE, 1e-6) and same(None if s is None else ex(m) * s, e.MCSE, 1e-5) and same(ex(l), e.RANGE_LOW, 1e-5) and same(ex(h), e.RANGE_HIGH, 1e-5) and k == e.R): wrong.append((code, arm, 'hazard ratio R', ex(m), s, e.ESTIMATE, e.MCSE, k, e.R))
            else: wrong.append(('unknown', stat))
        elif e.PARCAT1 == 'incidence':
            t = [of(code, arm, r) for r in range(R)]; py = [sum(x[0] for x in s) / 365.25 for s in t]; x = [sum(y[1] for y in s) for s in t]
            if stat == 'patient-years': test(e, (py[named], None, None), py)
            else:
                p0, x0 = py[named], x[named]
                lim = (None, None, None) if p0 == 0 else (100 * x0 / p0, 100 * (stats.chi2.ppf(.025, 2 * x0) / 2 / p0 if x0 else 0.0), 100 * stats.chi2.ppf(.975, 2 * x0 + 2) / 2 / p0)
                test(e, lim, [100 * a / b if b else None for a, b in zip(x, py)])
        elif e.PARCAT1 == 'screening':
            g = scr.assign(REASON=scr.REASON.astype(str)); v = []
            for r in range(R):
                m = g[g.IREP == r]
                v.append(float(m[~m.REASON.isin(['screened', 'randomised'])].N.sum() if cat == 'excluded' else m[m.REASON == cat].N.sum()))
            test(e, (v[named], None, None), v)
        elif e.PARCAT1 == 'disposition':
            def count(r):
                m = base[(base.IREP == r) & ((base.ARM == arm) | (arm == 'ALL'))]; s = m.EOSSTT.astype(str); k = len(m)
                if cat == 'randomised': return k, k
                if cat == 'completed': return int((s == 'COMPLETED').sum()), k
                if cat == 'solve failed': return int((s == 'SOLVE FAILED').sum()), k
                if cat == 'analysed': return int((s != 'SOLVE FAILED').sum()), k
                if cat == 'died': return int(((s == 'DISCONTINUED') & (m.DTHFL.astype(str) == 'Y')).sum()), k
                if cat == 'discontinued': return int((s == 'DISCONTINUED').sum()), k
                if cat.startswith('left: '): return int(((s == 'DISCONTINUED') & (m.DCSREAS.astype(str) == cat[6:])).sum()), k
                if cat == 'stopped by the dose rule':
                    st = {(q.IREP, q.SUBJID) for q in D[D.ACTION == 'stop'].itertuples()}
                    return sum((q.IREP, q.SUBJID) in st and (q.IREP, q.SUBJID) not in failed for q in m.itertuples()), k
                raise KeyError(cat)
            c = [count(r) for r in range(R)]
            v = [float(a) if stat == 'count' else (100 * a / b if b else None) for a, b in c]; test(e, (v[named], None, None), v)
        elif e.PARCAT1 == 'baseline':
            item = code.removeprefix('BASE:')
            if stat == 'missing': v = [float(values(item, arm, r, True)) for r in range(R)]; test(e, (v[named], None, None), v); continue
            f = {'rate': lambda x: 100 * x.mean(), 'mean': np.mean, 'SD': lambda x: x.std(ddof=1) if len(x) > 1 else None, 'median': np.median, 'minimum': np.min, 'maximum': np.max}[stat]
            v = [None if not len(x) else f(x) for x in (values(item, arm, r) for r in range(R))]; test(e, (v[named], None, None), v)
            if e.SCOPE == 'replicate' and e.N != len(values(item, arm, named)): wrong.append((item, arm, 'n'))
        elif e.PARCAT1 == 'not evaluable':
            m = EP[(EP.PARAMCD.astype(str) == code) & EP.AVAL.isna() & (EP.REASON.astype(str) == cat)]; n += 1
            want = float(len(m)) if stat == 'not evaluable' else 100 * len(m) / (EP.PARAMCD.astype(str) == code).sum()
            if not same(want, e.ESTIMATE): wrong.append(('not evaluable', code, cat, want, e.ESTIMATE))
        elif e.PARCAT1 == 'stages':
            if stages is None:
                stages = pd.read_parquet(f'{run}/stages.parquet').astype({'ARM': str, 'STAGE': str, 'ENDREAS': str}).sort_values(['IREP', 'SUBJID', 'STAGEN'])
                stages['NEXT'] = stages.groupby(['IREP', 'SUBJID']).STAGE.shift(-1)
                name = {x['id']: x.get('label') or x['id'] for x in cfg['stages']}; ends = ('planned end', 'condition of the stage met', 'last visit')
                dead = [x['reason'] for x in cfg.get('dropout') or () if x.get('death')]
            m = stages[((stages.STAGE == code.removeprefix('STAGE:')) | (code == 'STAGES')) & ((stages.ARM == arm) | (arm == 'ALL'))]
            people = base[(base.ARM == arm) | (arm == 'ALL')]
            sub = {'entered': m, 'left': m[~m.ENDREAS.isin(ends)], 'completed': m[m.ENDREAS.isin(ends)], 'died': m[m.ENDREAS.isin(dead)]}
            sub = sub.get(cat) if cat in sub else m[m.NEXT.map(name) == cat[11:]] if cat.startswith('went on to ') else m[m.ENDREAS == cat]
            each = lambda t: [int((t.IREP == r).sum()) for r in range(R)]
            c, of_ = each(sub), each(people) if cat == 'entered' or code == 'STAGES' else each(m)
            if code == 'STAGES': c = [int(((people.IREP == r) & (people.DCSREAS.astype(str) != '')).sum()) - x for r, x in enumerate(c)]
            v = [float(a) if stat == 'count' else (100 * a / b if b else None) for a, b in zip(c, of_)]; test(e, (v[named], None, None), v)
        elif e.PARCAT1 == 'crossover':
            said = an['crossover']; test_, ref = e.CATEGORY, said['reference']
            t = pd.read_parquet(f'{run}/periods.parquet'); t = t[(t.PARAMCD.astype(str) == code) & (t.AVAL > 0)]
            found = []
            for r in range(R):
                w = t[t.IREP == r].astype({'TRTA': str, 'ARM': str}).pivot(index=['ARM', 'SUBJID'], columns='APERIOD', values='AVAL').dropna()
                d = {a: np.log(g[1] / g[2]).to_numpy() for a, g in w.groupby(level='ARM')}
                begins = [a for a, (f, _) in said['treatments'].items() if f == test_]; a, b = d[begins[0]], next(v for k, v in d.items() if k != begins[0])
                tt = stats.ttest_ind(a, b); ci = tt.confidence_interval(.9); k = len(a) + len(b) - 2
                s2 = (((a - a.mean()) ** 2).sum() + ((b - b.mean()) ** 2).sum()) / k / 2
                found.append((np.exp((a.mean() - b.mean()) / 2), np.exp(ci.low / 2), np.exp(ci.high / 2), 100 * math.sqrt(math.exp(s2) - 1), math.exp(-(a.mean() + b.mean()) / 2)))
            one = found[named]; low_, high_ = said['limits']
            if stat == 'geometric mean ratio' and e.SCOPE == 'replicate': test(e, one[:3])
            elif stat == 'geometric mean ratio':
                m_, s_, l_, h_, r_ = over([math.log(f[0]) for f in found]); n += 1
                if not (same(math.exp(m_), e.ESTIMATE) and same(math.exp(m_) * s_, e.MCSE) and same(math.exp(l_), e.RANGE_LOW) and same(math.exp(h_), e.RANGE_HIGH)): wrong.append((code, stat))
            elif stat == 'equivalence':
                n += 1
                if not same(100 * np.mean([f[1] >= low_ and f[2] <= high_ for f in found]), e.ESTIMATE): wrong.append((code, stat))
            else:
                v = [f[3 if stat == 'within-subject CV' else 4] for f in found]; test(e, (v[named], None, None), v)
        else: wrong.append(('unknown', e.PARCAT1))
    return n, wrong
