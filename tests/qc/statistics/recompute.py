"""Every endpoint again from the Parquet tables, patient by patient, and every row of estimates.parquet: recompute.py RUN_FOLDER (mnb.py beside it)."""
import sys, math, collections
import pandas as pd, numpy as np
from ruamel.yaml import YAML
from scipy import stats
run=sys.argv[1]
cfg=YAML(typ='safe').load(open(f'{run}/config.resolved.yaml'))
P=pd.read_parquet(f'{run}/patients.parquet'); O=pd.read_parquet(f'{run}/observations.parquet'); E=pd.read_parquet(f'{run}/events.parquet'); D=pd.read_parquet(f'{run}/doses.parquet'); S=pd.read_parquet(f'{run}/solves.parquet'); EP=pd.read_parquet(f'{run}/endpoints.parquet'); ALL=pd.read_parquet(f'{run}/estimates.parquet'); EST=ALL[ALL.PARCAT1=='endpoint']
import os
AE=pd.read_parquet(f'{run}/adverse.parquet') if os.path.exists(f'{run}/adverse.parquet') else None
an=cfg['analysis']; thr=an.get('response_threshold_1e9L',50); day=an['assessment_day']; vis=sorted(cfg['visits']['days']); tdays=cfg['treatment_days']
W=f'W{day//7}' if day%7==0 else f'D{day}'
plac={a['id'] for a in cfg['arms'] if a.get('placebo')}
key=['IREP','SUBJID']
WHOLE_P=None
if cfg.get('stages'):
    # the analysed stage as a trial of its own: patient by patient, from the rows of the whole trial
    plan=cfg['stages']; at_=[x['id'] for x in plan].index(an['stage']) if an.get('stage') else 0; beg=sum(x['days'] for x in plan[:at_]); tdays=plan[at_]['days']
    vis=[v_-beg for v_ in vis if beg<v_<=beg+tdays]
    for x in plan[1:at_+1]:
        for a_,c_ in (x.get('arms') or {}).items():
            if c_.get('placebo') is not None: plac=(plac|{a_}) if c_['placebo'] else plac-{a_}
    win_={(r.IREP,r.SUBJID):(r.ASTDY,r.AENDY,r.ENDREAS) for r in pd.read_parquet(f'{run}/stages.parquet').itertuples() if r.STAGEN==at_+1}
    w_=lambda r: win_.get((r.IREP,r.SUBJID))
    def rows_(T,f):
        recs=[f(r._asdict(),w_(r)) for r in T.itertuples(index=False) if w_(r)]
        return pd.DataFrame([r for r in recs if r is not None],columns=T.columns)
    def patient_(r,w):
        r['EOSDY']=w[1]-w[0]
        if r['EOSSTT']!='SOLVE FAILED' and w[2] in ('planned end','condition of the stage met','last visit'): r['EOSSTT']='COMPLETED'
        return r
    pk_=cfg.get('pk_sampling'); mine_=next((d_ for d_ in [pk_['visit_day'],*pk_.get('more_days',[])] if beg<=d_<beg+tdays),None) if pk_ else None
    if mine_ is not None: pk_['visit_day']=mine_-beg
    def count_(r,w):
        if r['PARAMCD']=='CONC':
            if r['AVISITN']!=mine_: return None
            r['AVISITN']-=beg; r['ADY']=float('nan') if pd.isna(r['ADY']) else r['ADY']-w[0]
            return r
        if r['AVISITN']==0: return r
        if r['AVISITN']-beg not in vis: return None
        gone=not pd.isna(r['ADY']) and r['ADY']>w[1]
        r['AVISITN']-=beg; r['ADY']=float('nan') if pd.isna(r['ADY']) else r['ADY']-w[0]
        if gone: r['AVAL']=float('nan')
        return r
    def dose_(r,w):
        if r['ASTDY']>=w[1] or r['AENDY']<=w[0]: return None
        if r['ASTDY']<w[0]: r['ASTDY'],r['ACTION']=w[0],'start'
        r['AENDY']=min(r['AENDY'],w[1]); r['ASTDY']-=w[0]; r['AENDY']-=w[0]
        return r
    def event_(r,w):
        z=r.get('VOIDENDY'); void=r['EVENT']=='RESCUE' and z is not None and not pd.isna(z)
        if not (w[0]<r['ADY']<=w[1] or r['ADY']==w[0]==0 or (void and r['ADY']<=w[0]<z)): return None
        r['ADY']-=w[0]
        if void: r['VOIDENDY']-=w[0]
        return r
    def adverse_(r,w):
        if not w[0]<=r['ADY']<w[1]: return None
        r['ADY']-=w[0]
        return r
    WHOLE_P=P; P=rows_(P,patient_); O=rows_(O,count_); D=rows_(D,dose_); E=rows_(E,event_); AE=None if AE is None else rows_(AE,adverse_); cfg['visits']['window_days']=(1+(at_>0))*(cfg['visits'].get('window_days') or 0)
obs=collections.defaultdict(dict); wb=collections.defaultdict(dict); conc=collections.defaultdict(list)
for r in O.itertuples():
    k=(r.IREP,r.SUBJID)
    if r.PARAMCD=='PLAT': obs[k][r.AVISITN]=(r.ADY,r.AVAL)
    elif r.PARAMCD=='WHOBLEED': wb[k][r.AVISITN]=(r.ADY,r.AVAL)
    elif r.PARAMCD=='CONC': conc[k].append((r.ATPT,r.AVAL,r.ADY,r.AVALREAS))
ev=collections.defaultdict(list)
voids=collections.defaultdict(list)
share_={((r.IREP,r.SUBJID),int(r.CYCLE)):r.CHSHARE for r in E.itertuples() if r.EVENT=='CHEMO'} if 'CHSHARE' in E else {}
for r in E.itertuples():
    ev[(r.IREP,r.SUBJID)].append((r.EVENT,r.ADY,r.TERM)); z=getattr(r,'VOIDENDY',None)
    if r.EVENT=='RESCUE': voids[(r.IREP,r.SUBJID)].append((r.ADY,float('inf') if z is None or pd.isna(z) else z))
ds=collections.defaultdict(list)
for r in D.itertuples(): ds[(r.IREP,r.SUBJID)].append((r.ASTDY,r.AENDY,r.EXDOSE,r.DOSELEV,r.ACTION))
ae=collections.defaultdict(dict)
if AE is not None:
    for r in AE.itertuples(): ae[(r.IREP,r.SUBJID)].setdefault(r.AECD,r.ADY)
st={(r.IREP,r.SUBJID):r.STATUS for r in S.itertuples()}
INF=float('inf'); out={}
for p in P.itertuples():
    k=(p.IREP,p.SUBJID); b=p.BLPLAT
    resc=min([d for e,d,_ in ev[k] if e=='RESCUE' and d>0],default=INF); stop=min([x[0] for x in ds[k] if x[4]=='stop'],default=INF); fail=min(resc,stop); free=lambda d: d<stop and not any(a<=d<z for a,z in voids[k])
    v={n:obs[k].get(n) for n in vis}
    seen=[(n,d,c) for n,(d,c) in ((n,v[n]) for n in vis if v[n] is not None) if not math.isnan(c)]
    toA=[x for x in seen if x[0]<=day]
    at=[x for x in seen if x[0]==day]; aday=at[0][1] if at else day
    R={}
    R['RESP'+W]=float(bool(at) and at[0][2]>=thr and free(aday))
    R['RESP1']=float(any(c>=thr for _,d,c in toA)); R['RESP1RF']=float(any(c>=thr and free(d) for _,d,c in toA))
    nplan=sum(n<=day for n in vis)
    R['RESP75']=float(sum(c>=thr and free(d) for _,d,c in toA)>=.75*nplan)
    R['RESP2X']=float(any(c>=30 and c>=2*b for _,d,c in toA)); R['RESP2XRF']=float(any(c>=30 and c>=2*b and free(d) for _,d,c in toA))
    # runs
    good={n:d for n,d,c in toA if c>=thr and free(d)}; runs=[]; cur=[]
    for n in [n for n in vis if n<=day]:
        if n in good: cur.append(good[n])
        else:
            if len(cur)>1: runs.append(cur[-1]-cur[0])
            cur=[]
    if len(cur)>1: runs.append(cur[-1]-cur[0])
    R['MAXDUR']=float(max(runs)) if runs else None; R['TOTDUR']=float(sum(runs)) if runs else None
    R['RESCUE']=float(resc<=aday)
    bl=[g for n,(d,g) in wb[k].items() if 0<n<=day and not math.isnan(g)]
    R['BLEED']=None if not bl else float(max(bl)>=1); R['BLEED2']=None if not bl else float(max(bl)>=2)
    R['COMPL']=float(p.EOSSTT=='COMPLETED'); R['STOPPED']=float(stop<INF)
    R['PLT'+W]=at[0][2] if at else None
    R['CHG'+W]=100*(at[0][2]/b-1) if at and b>0 else None
    R['BAND'+W]=float(50<=at[0][2]<=150) if at else None
    R['OVER250'+W]=float(at[0][2]>250) if at else None
    R['RESP400']=float(any(50<=c<=400 for _,d,c in toA))
    R['MAXRISE']=100*(max(c for _,d,c in seen)/b-1) if seen and b>0 else None
    R['PEAKDAY']=float(max(seen,key=lambda x:(x[2],-x[0]))[1]) if seen else None
    gaps=[min(vis[i+1]-vis[i],7) for i in range(len(vis)-1)]; gaps=gaps+[gaps[-1]] if gaps else [7]
    gd=dict(zip(vis,gaps))
    R['CUMWK']=sum(gd[n] for n,d,c in seen if c>=thr and free(d))/7
    last=max([n for n in vis if n<=tdays],default=0); win=[n for n in vis if last-56<n<=last]
    if len(win)<6: R['DURRESP']=None
    else:
        inw=[x for x in seen if x[0] in win]; end=max([x[1] for x in inw]+[max(win)])
        R['DURRESP']=float(sum(c>=thr and free(d) for _,d,c in inw)>=max(6,.75*len(win)) and stop>end and not any(a<=end and z>end-56 for a,z in voids[k]))
    for L in (250,400,1000):
        R[f'PLT{L}']=float(any(c>L for _,d,c in seen)) if seen else None
        # days above: piecewise log-linear
        tot=0; h,dd=math.log(max(b,1)),0
        for _,d,c in seen:
            y=math.log(max(c,1)); l=math.log(L)
            if h>l and y>l: tot+=d-dd
            elif h>l or y>l: tot+=(d-dd)*(max(h,y)-l)/abs(h-y)
            h,dd=y,d
        R[f'DAYS{L}']=tot if seen else None
    lastdose=max([x[1] for x in ds[k] if x[2]>0] or [x[1] for x in ds[k] if x[3]>0],default=None)
    inside=[c for _,d,c in seen if lastdose is not None and 0<d-lastdose<=28]
    planned_after=any(n>tdays for n in vis)
    arm_=next(a for a in cfg['arms'] if a['id']==p.ARM); bychemo=bool(arm_.get('until_chemotherapy') or (cfg.get('chemotherapy') or {}).get('drug_days'))
    ok=bool(inside) and (planned_after or stop<INF or (bychemo and lastdose<tdays))
    R['REBOUND']=float(any(c<10 and c<=b-10 for c in inside)) if ok else None
    R['REBOUND2']=float(any(c<.75*b for c in inside)) if ok else None
    R['REDUCE']=float(any(x[4]=='decrease' for x in ds[k])); R['INTERRUPT']=float(any(x[4]=='interrupt' for x in ds[k]))
    for code,d in ae[k].items(): R['AE_'+code]=1.0
    # chemo
    ch=collections.OrderedDict()
    for e,d,t in ev[k]:
        if e=='CHEMO': ch.setdefault(int(t.split()[-1]),[]).append(d)
    first={c:min(x) for c,x in ch.items()}
    if cfg.get('chemotherapy'):
        nad=[]
        for c in sorted(first):
            if c<2: continue
            e=first.get(c+1,INF); x=[cc for _,d,cc in seen if first[c]<d<=e]
            if x: nad.append(min(x))
        R['NADIR']=float(np.mean(nad)) if nad and len(first)>1 else None
        rec=any(0<d<=14 and c>=100 for _,d,c in seen); f=first.get(1)
        w=[(d,c) for _,d,c in seen if f is not None and 21<=d-f<=25]
        R['CITRESP']=float(rec and bool(w) and w[0][1]>=75 and fail>w[0][0])
        if cfg['chemotherapy'].get('next_cycle'):
            cd_,C_=cfg['chemotherapy']['cycle_days'],cfg['chemotherapy']['cycles']
            kept_={c:c in first and c-1 in first and first[c]-first[c-1]-cd_<7 and share_.get((k,c),1)>=1 for c in range(2,C_+1)}
            due_=[c for c in kept_ if 1 in first and first[1]+(c-1)*cd_<max(vis)]
            R['CHEMOPL']=None if 1 in first and not due_ else float(bool(due_) and all(kept_[c] for c in due_))
            R['CHEMO2']=float(any(kept_[c] and kept_.get(c+1,False) for c in kept_))
    # PK
    if conc[k]:
        pr=sorted((t_,0.0 if w_=='below the limit of quantification' else c_,d_,w_) for t_,c_,d_,w_ in conc[k]); d0=pr[0][2]; dose=[x[2] for x in ds[k] if x[0]<=d0<x[1]]; dose=dose[-1] if dose else 0
        def auc(q):
            a=0
            for (t0,c0,*_),(t1,c1,*_) in zip(q,q[1:]): a+=(t1-t0)*((c0-c1)/math.log(c0/c1) if 0<c1<c0 else (c0+c1)/2)
            return a
        q=[x for x in pr if x[0]<=24]
        evq=p.ARM not in plac and dose>0 and not any(math.isnan(x[1]) for x in q); eva=p.ARM not in plac and dose>0 and not any(math.isnan(x[1]) for x in pr)
        def kept(q):
            begun=False; o=[]
            for t_,c_,*_ in q:
                begun=begun or c_>0
                if c_>0 or not begun: o.append((t_,c_))
            return o
        def lam(q):
            z=kept(q); top=max(z,key=lambda x:(x[1],-x[0])); z=[x for x in z if x[0]>top[0] and x[1]>0]; fits=[]
            for n_ in range(3,len(z)+1):
                t_=np.array([x[0] for x in z[-n_:]]); y_=np.log([x[1] for x in z[-n_:]]); t0_,y0_=t_-t_.mean(),y_-y_.mean()
                b_=(t0_*y0_).sum()/(t0_**2).sum(); s_=(y0_**2).sum(); r2=1-((y0_-b_*t0_)**2).sum()/s_ if s_ else 1
                if -b_*(t_[-1]-t_[0])>1e-9: fits.append((1-(1-r2)*(n_-1)/(n_-2),n_,-b_))
            return max((f for f in fits if f[0]>=max(g[0] for g in fits)-1e-4),key=lambda f:f[1])[2] if fits else None
        def upto(q,a,b):
            z=kept(q); tl,cl=z[-1]
            def at(x):
                if x>tl: return 0.0 if cl==0 else (None if lam(q) is None else cl*math.exp(-lam(q)*(x-tl)))
                for (t0,c0),(t1,c1) in zip(z,z[1:]):
                    if t0<=x<=t1: f=(x-t0)/(t1-t0); return c0*(c1/c0)**f if 0<c1<c0 else c0+(c1-c0)*f
                return z[0][1]
            if at(a) is None or at(b) is None: return None
            return auc([(a,at(a)),*[y for y in z if a<y[0]<b],(b,at(b))])
        pos=lambda x: x if x is not None and x>0 else None
        q0=pr if cfg['pk_sampling']['visit_day']+1>=tdays else q; ev0=eva if q0 is pr else evq
        R['CMAX']=pos(max(x[1] for x in q)) if evq else None; R['CTROUGH']=pos(q[-1][1]) if evq else None; R['AUCTAU']=pos(upto(q,0.0,24.0)) if evq else None; R['AUCLST']=pos(auc(kept(pr))) if eva else None
        R['TMAX']=max(q,key=lambda x:(x[1],-x[0]))[0] if evq and R['CMAX'] else None
        L_=lam(q0) if ev0 and any(x[1]>0 for x in q0) else None
        R['LAMZHL']=math.log(2)/L_ if L_ else None; R['AUCIFO']=auc(kept(q0))+kept(q0)[-1][1]/L_ if L_ else None
        part=cfg['pk_sampling'].get('partial_auc_h'); evp=(eva if part and part[1]>24 else evq); R['AUCINT']=pos(upto(pr if part[1]>24 else q,*part)) if part and evp else None
        e_=pr[-1][0]; z_=kept(pr); day_={x[0] for x in pr}; held_=[x for x in ds[k] if x[0]<=e_/24-1<x[1]]; late_=held_[0][2] if held_ else None
        R.update(dict.fromkeys(('ARAUC','ARCMAX','ARTROUGH')))
        if eva and cfg['pk_sampling']['visit_day']==0 and e_<=24*tdays and e_>=48 and e_%24==0 and e_-24 in day_ and late_==dose:
            two_=[(upto(pr,a_,a_+24),max([c_ for t_,c_ in z_ if a_<=t_<=a_+24] or [0]),dict(z_).get(a_+24)) for a_ in (e_-24,0.0)]
            for c_,(x_,y_) in zip(('ARAUC','ARCMAX','ARTROUGH'),zip(*two_)): R[c_]=x_/y_ if pos(x_) and pos(y_) else None
        for c_ in ('CMAX','AUCTAU','AUCLST','AUCIFO'): R[c_+'D']=None if R[c_] is None else R[c_]/dose
    for q_ in an.get('definitions') or []:
        low_=q_['at_least_1e9L'] if q_.get('at_least_1e9L') is not None else thr; cnt_={n_:(d_,c_) for n_,d_,c_ in seen}; hit_=[]; off_=q_.get('off_drug_days')
        if off_: s0_=max([x[1] for x in ds[k] if x[2]>0] or [x[1] for x in ds[k] if x[3]>0] or [INF]); win_n=[n_ for n_ in vis if s0_<=n_<=s0_+off_] if vis[-1]>=s0_+off_ else []
        elif q_.get('last_days'): e_=max([n_ for n_ in vis if n_<=tdays],default=0); win_n=[n_ for n_ in vis if e_-q_['last_days']<n_<=e_]
        else: win_n=[n_ for n_ in vis if (q_.get('from_day') or 0)<=n_<=(day if q_.get('until_day') is None else q_['until_day'])]
        allr=[d_ for e__,d_,_ in ev[k] if e__=='RESCUE']
        for n_ in win_n:
            if n_ not in cnt_: continue
            d_,c_=cnt_[n_]; g_=wb[k].get(n_,(0,float('nan')))[1]
            if c_<low_ or (q_.get('times_baseline') and c_<q_['times_baseline']*b) or (q_.get('above_baseline_1e9L') and c_-b<q_['above_baseline_1e9L']) or (q_.get('below_1e9L') and c_>=q_['below_1e9L']): continue
            if q_.get('bleeding_below') and not g_<q_['bleeding_below']: continue
            how_=q_.get('rescue','voids')
            if how_=='voids' and not free(d_): continue
            if how_ in ('fails','clock') and d_>=stop: continue
            if how_=='clock' and any(0<=d_-x<q_['rescue_days'] for x in allr): continue
            hit_.append((n_,d_))
        if q_.get('result')=='visits': R[q_['id']]=float(len(hit_)); continue
        if q_.get('result')=='weeks':
            gap_={n_:min(7,(vis[i+1]-n_) if i+1<len(vis) else ((n_-vis[i-1]) if i else 7)) for i,n_ in enumerate(vis)}; R[q_['id']]=sum(gap_[n_] for n_,_ in hit_)/7; continue
        done_=[n_ for n_ in win_n if n_ in cnt_]; base_=len(done_) if q_.get('missing')=='left_out' else len(win_n); need_=q_.get('visits') or 1
        ok_=len(hit_)>=need_ and len(hit_)>=(q_.get('share') or 0)*base_-1e-12
        if q_.get('in_a_row'): z_=''.join('1' if n_ in dict(hit_) else '0' for n_ in vis); ok_='1'*need_ in z_
        if q_.get('days_apart'): ok_=ok_ and bool(hit_) and hit_[-1][1]-hit_[0][1]>=q_['days_apart']
        if q_.get('rescue')=='fails': last_=max([n_ for n_ in win_n]+[cnt_[n_][0] for n_ in done_],default=0); ok_=ok_ and min(resc,stop)>last_
        if q_.get('unless') and ok_ and R.get(q_['unless']) is None: R[q_['id']]=None; continue
        if q_.get('unless'): ok_=ok_ and R.get(q_['unless'])!=1
        R[q_['id']]=None if q_.get('missing')=='left_out' and not done_ else float(ok_)
    if st.get(k,'OK')!='OK': R={c:None for c in R}
    out[k]=R
bad=collections.Counter(); n=collections.Counter(); ex={}
for r in EP.itertuples():
    k=(r.IREP,r.SUBJID); c=str(r.PARAMCD); n[c]+=1
    w=out[k].get(c, 0.0 if c.startswith('AE_') else 'UNKNOWN')
    if w=='UNKNOWN': bad[c+' unknown']+=1; continue
    g=None if pd.isna(r.AVAL) else r.AVAL
    if (w is None)!=(g is None) or (w is not None and abs(w-g)>1e-8*max(1,abs(w))): bad[c]+=1; ex.setdefault(c,(k,w,g,r.REASON))
    if (g is None)!=(r.EVALFL=='N'): bad[c+' EVALFL']+=1
print(run, len(n),'endpoints', sum(n.values()),'values; mismatches',dict(bad)); print(ex) if ex else None
# now estimates
A=[a['id'] for a in cfg['arms']]; arm={(p.IREP,p.SUBJID):p.ARM for p in P.itertuples()}
ref=an.get('reference_arm'); named=an.get('named_replicate',0); R=int(P.IREP.max())+1
paired=cfg.get('allocation')=='counterfactual'
rate={c for c in EST[EST.STAT=='rate'].PARAMCD.unique()}
rows={}
def q(code,armid,rep): return [out[k].get(code,0.0 if code.startswith('AE_') else None) for k in out if k[0]==rep and arm[k]==armid]
errs=[]
def close(a,b,t=1e-7): 
    if a is None or (isinstance(a,float) and math.isnan(a)): return b is None or pd.isna(b)
    return not pd.isna(b) and abs(a-b)<=t*max(1,abs(a))
from math import sqrt
cache={}
def tab(code,a):
    if (code,a) not in cache:
        cache[code,a]=[[x for x in q(code,a,r) if x is not None] if a!='ALL' else [x for b in A for x in q(code,b,r) if x is not None] for r in range(R)]
    return cache[code,a]
BENEFIT={str(code):('none' if str(code) in ('REDUCE','INTERRUPT') else 'lower' if str(code).startswith(('RESCUE','BLEED','PLT','OVER250','STOPPED','AE_','REBOUND')) else 'higher') for code in EST.PARAMCD.unique()}
def power(e,tests):
    """(p, difference) of each replicate; p None where it cannot be tested. Limits of Clopper and Pearson; no error at 0 and 100 %."""
    side={'higher':1,'lower':-1,'none':0}[BENEFIT[str(e.PARAMCD)]]; known=[t for t in tests if t[0] is not None]; k=len(known); won=sum(p<.05 and d*side>=0 for p,d in known)
    est=100*won/k if k else None; err=100*sqrt(won/k*(1-won/k)/k) if k and 0<won<k else None; lo,hi=stats.binomtest(won,k).proportion_ci(method='exact') if k else (None,None)
    if not(close(est,e.ESTIMATE) and close(err,e.MCSE) and close(None if lo is None else 100*lo,e.CI_LOW) and close(None if hi is None else 100*hi,e.CI_HIGH) and e.R==k): errs.append((e.PARAMCD,e.ARM,'power',est,err,lo,hi,k,e.ESTIMATE,e.MCSE,e.CI_LOW,e.CI_HIGH,e.R))
for e in EST.itertuples():
    code=str(e.PARAMCD); T=tab(code,str(e.ARM)); 
    nm=T[named]
    if e.STAT in('power','odds ratio','difference') and paired:
        from mnb import tango_brute
        X=[[out[k].get(code) for k in out if k[0]==r and arm[k]==e.ARM] for r in range(R)]; Y=[[out[k].get(code) for k in out if k[0]==r and arm[k]==e.COMPARATOR] for r in range(R)]
        pr=[[(a,b) for a,b in zip(x,y) if a is not None and b is not None] for x,y in zip(X,Y)]; bc=[(sum(a>b for a,b in q),sum(a<b for a,b in q),len(q)) for q in pr]
        if e.STAT=='difference' and e.SCOPE=='replicate':
            b_,c_,n_=bc[named]; d,l,h=tango_brute(b_,c_,n_) if n_ else (None,)*3
            if not(close(None if d is None else 100*d,e.ESTIMATE) and close(None if d is None else 100*l,e.CI_LOW,1e-5) and close(None if d is None else 100*h,e.CI_HIGH,1e-5)): errs.append((code,e.ARM,'pairs1',d,l,h,e.ESTIMATE,e.CI_LOW,e.CI_HIGH))
        elif e.STAT=='difference':
            v=np.array([100*(b_-c_)/n_ for b_,c_,n_ in bc if n_]); m=v.mean() if len(v) else None; s=v.std(ddof=1)/sqrt(len(v)) if len(v)>1 else None
            if not(close(m,e.ESTIMATE) and close(s,e.MCSE) and e.R==len(v)): errs.append((code,e.ARM,'pairsR',m,s,e.ESTIMATE,e.MCSE,e.R))
        else: power(e,[(None if not n_ else 1.0 if b_+c_==0 else 2*stats.norm.sf(abs(b_-c_)/sqrt(b_+c_)),b_-c_) for b_,c_,n_ in bc])
        continue
    if e.STAT=='rate':
        if e.SCOPE=='replicate':
            x,nn=sum(nm),len(nm); w=100*x/nn if nn else None
            lo,hi=(stats.binomtest(int(x),nn).proportion_ci(method='exact') if nn else (None,None))
            if not(close(w,e.ESTIMATE) and close(None if lo is None else 100*lo,e.CI_LOW) and close(None if hi is None else 100*hi,e.CI_HIGH) and e.N==nn and e.N_EVENT==x): errs.append((code,e.ARM,'rate1',w,lo,hi,nn,e.ESTIMATE,e.CI_LOW,e.CI_HIGH,e.N,e.N_EVENT))
        else:
            v=np.array([100*sum(t)/len(t) for t in T if t]); m=v.mean() if len(v) else None; s=v.std(ddof=1)/sqrt(len(v)) if len(v)>1 else None
            l,h=np.quantile(v,[.025,.975]) if len(v)>1 else (None,None)
            if not(close(m,e.ESTIMATE) and close(s,e.MCSE) and close(l,e.RANGE_LOW) and close(h,e.RANGE_HIGH) and e.R==len(v)): errs.append((code,e.ARM,'rateR',m,s,l,h,e.ESTIMATE,e.MCSE,e.RANGE_LOW,e.RANGE_HIGH,e.R))
    elif e.STAT in('difference','odds ratio','power'):
        T2=tab(code,str(e.COMPARATOR))
        if e.STAT=='difference':
            if e.SCOPE=='replicate':
                a,b=T[named],T2[named]
                if a and b:
                    from mnb import mn_brute
                    d,l,h=mn_brute(sum(a),len(a),sum(b),len(b))
                    if not(close(100*d,e.ESTIMATE) and close(100*l,e.CI_LOW,1e-5) and close(100*h,e.CI_HIGH,1e-5)): errs.append((code,e.ARM,'diff1',d,l,h,e.ESTIMATE,e.CI_LOW,e.CI_HIGH))
                elif not pd.isna(e.ESTIMATE): errs.append((code,e.ARM,'diff1 empty',e.ESTIMATE))
            else:
                v=np.array([100*(sum(a)/len(a)-sum(b)/len(b)) for a,b in zip(T,T2) if a and b]); m=v.mean() if len(v) else None; s=v.std(ddof=1)/sqrt(len(v)) if len(v)>1 else None
                if not(close(m,e.ESTIMATE) and close(s,e.MCSE) and e.R==len(v)): errs.append((code,e.ARM,'diffR',m,s,e.ESTIMATE,e.MCSE,e.R))
        elif e.STAT=='odds ratio':
            a,b=T[named],T2[named]; w,x,y,z=sum(a),len(a)-sum(a),sum(b),len(b)-sum(b)
            if min(w,x,y,z)>0:
                o=w*z/x/y; s=sqrt(1/w+1/x+1/y+1/z)
                if not(close(o,e.ESTIMATE) and close(o*math.exp(-1.959963984540054*s),e.CI_LOW) and close(o*math.exp(1.959963984540054*s),e.CI_HIGH)): errs.append((code,e.ARM,'OR'))
            elif not pd.isna(e.ESTIMATE): errs.append((code,e.ARM,'OR zero cell',e.ESTIMATE))
        else:
            tests=[]
            for a,b in zip(T,T2):
                if not a or not b: tests.append((None,0)); continue
                pp=(sum(a)+sum(b))/(len(a)+len(b)); N=len(a)+len(b); d=sum(a)/len(a)-sum(b)/len(b); v=pp*(1-pp)*(1/len(a)+1/len(b))*N/(N-1)
                tests.append((1.0 if v==0 else 2*stats.norm.sf(abs(d)/sqrt(v)),d))
            power(e,tests)
    else:
        x=np.array(nm,float); f={'mean':lambda:x.mean(),'SD':lambda:x.std(ddof=1) if len(x)>1 else None,'median':lambda:np.median(x),'minimum':lambda:x.min(),'maximum':lambda:x.max(),'geometric mean':lambda:np.exp(np.log(x).mean()) if (x>0).all() else None,'geometric CV':lambda:100*sqrt(math.expm1(np.log(x).var(ddof=1))) if len(x)>1 and (x>0).all() else None}
        if e.SCOPE=='replicate':
            w=f[e.STAT]() if len(x) else None
            if not(close(w,e.ESTIMATE) and e.N==len(x)): errs.append((code,e.ARM,e.STAT,w,e.ESTIMATE,e.N))
        else:
            g={'mean':np.mean,'median':np.median,'geometric mean':lambda t:np.exp(np.log(t).mean()) if min(t)>0 else np.nan}[e.STAT]
            with np.errstate(divide='ignore'): v=np.array([g(np.array(t)) for t in T if t]); v=v[~np.isnan(v)]; m=v.mean() if len(v) else None
            if not(close(m,e.ESTIMATE) and e.R==len(v)): errs.append((code,e.ARM,e.STAT,'R',m,e.ESTIMATE,e.R,len(v)))
print('   estimates rows',len(EST),'mismatches',len(errs)); 
for x in errs[:8]: print('     ',x)
import rest
cfg['visits']['days'],cfg['treatment_days']=vis,tdays
n,wrong=rest.check(run,cfg,P,O,E,D,S,ALL,AE,WHOLE_P)
print('   other rows',n,'mismatches',len(wrong))
for x in wrong[:8]: print('     ',x)
import stratified
n,other=stratified.check(cfg,P,out,ALL,BENEFIT)
print('   planned rows',n,'mismatches',len(other))
for x in other[:8]: print('     ',x)
import by_subgroup
n,third=by_subgroup.check(cfg,P,out,ALL)
print('   subgroup rows',n,'mismatches',len(third))
for x in third[:8]: print('     ',x)
import visits
visits.STOP.update({r.SUBJID:x for r in P.itertuples() if r.IREP==named and (x:=min([d[0] for d in ds[(r.IREP,r.SUBJID)] if d[4]=='stop'],default=None)) is not None})
TT=rest.times_of(cfg,P,O,E,D,S,[],None)
n,more=visits.check(cfg,P,O,E,S,out,ALL,lambda code,a,r: TT.get(code,{}).get((r,a),[]))
print('   rows over the visits',n,'mismatches',len(more))
for x in more[:8]: print('     ',x)
sys.exit(bool(bad or errs or wrong or other or third or more))
