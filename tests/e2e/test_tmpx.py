import copy
import pytest
from demo import generator
from fixtures import chain as fx
from fixtures.chain import environment, started
real=generator.generate
@pytest.mark.parametrize("seed,days,sessions,horizon",[(1,24,3000,7),(1,24,4000,5),(6,24,3000,5),(7,24,3000,5),(8,24,3000,5)])
def test_x(seed,days,sessions,horizon,tmp_path,monkeypatch):
    monkeypatch.setattr(generator,"generate",lambda _,f,d,s,*a: real(seed,f,days,sessions,*a))
    doc=copy.deepcopy(fx.SETTINGS); doc["label"]["horizon_days"]=horizon; doc["recommendations"]["methods"]=["similarity"]
    with started(tmp_path,doc) as chain, environment(chain.cloud):
        chain.leave_out_recommendations()
        run=chain.refresh()
        e=run.documents.evaluation
        with open("/tmp/cal/seeds2.txt","a") as f:
            print(seed,days,sessions,horizon,run.outcome,run.reason,e and (e.winner,e.calibration.method,[(s.visitors,s.positives) for s in e.splits]),file=f)
