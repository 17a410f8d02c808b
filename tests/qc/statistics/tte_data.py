import sys, math, collections, pandas as pd, numpy as np
from ruamel.yaml import YAML
run=sys.argv[1]; cfg=YAML(typ='safe').load(open(f'{run}/config.resolved.yaml')); an=cfg['analysis']; thr=an.get('response_threshold_1e9L',50); nm=an.get('named_replicate',0)
P=pd.read_parquet(f'{run}/patients.parquet'); O=pd.read_parquet(f'{run}/observations.parquet'); E=pd.read_parquet(f'{run}/events.parquet'); D=pd.read_parquet(f'{run}/doses.parquet')
O=O[(O.PARAMCD=='PLAT')&(O.AVISITN>0)&O.AVAL.notna()]
END=0
for p in P.itertuples():
    pass
lastseen=O.groupby(['IREP','SUBJID']).ADY.max()
P['last']=[p.EOSDY if not pd.isna(p.EOSDY) else lastseen.get((p.IREP,p.SUBJID),0) for p in P.itertuples()]
scope=P if len(sys.argv)<3 else P[P.IREP==nm]
END=scope['last'].max()
res=E[E.EVENT=='RESCUE'].groupby(['IREP','SUBJID']).ADY.min(); stp=D[D.ACTION=='stop'].groupby(['IREP','SUBJID']).ASTDY.min()
rows=[]
og=O.groupby(['IREP','SUBJID'])
G={k:list(zip(g.ADY,g.AVAL)) for k,g in og}
for p in P[P.IREP==nm].itertuples():
    k=(p.IREP,p.SUBJID); r=res.get(k,math.inf); f=min(r,stp.get(k,math.inf)); last=END if p.EOSSTT=='COMPLETED' else p.last
    c=G.get(k,[]); first=min([d for d,v in c if v>=thr and d<f],default=None)
    rows.append(('TTRESP',p.ARM,p.STRATUM,first if first is not None else (END if f<math.inf else last),int(first is not None)))
    rows.append(('TTRESC',p.ARM,p.STRATUM,r if r<math.inf else last,int(r<math.inf)))
    if first is not None:
        l=min(min([d for d,v in c if v<thr and d>first],default=math.inf),f)
        rows.append(('TTLOSS',p.ARM,p.STRATUM,(l if l<math.inf else last)-first,int(l<math.inf)))
pd.DataFrame(rows,columns=['kind','arm','stratum','day','event']).to_csv('tte_run.csv',index=False)
open('tte_ref.txt','w').write((an.get('reference_arm') or '')+'\n'+str(int(cfg['visits'].get('window_days',0)))+'\n'+str(int(bool(cfg['randomisation'].get('strata')))))
