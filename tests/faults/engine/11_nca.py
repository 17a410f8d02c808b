"""NCA: trailing zeros (published case, PKNCA issue 109) and a plateau with rounding noise. Run from the engine's folder."""
import numpy as np

from analysis.endpoints import nca

t = np.array([0.0, 1, 2, 3, 4, 5, 8, 12, 24])
c = np.array([0.0, 2.5, 3, 2, 1.5, 1.2, 1.1, 0, 0])
for lloq in (0.0, 1e-9):
    e = nca.exposure(t, c, lloq=lloq)
    print(f"lloq {lloq:g}: AUClast {e.auc_last:.5f} (published 12.99658)  AUCinf {e.auc_inf:.4f} (right 23.2235)")
noise = np.random.default_rng(1).integers(-3, 4, 25)
flat = 10 * (1 + 2e-16 * noise)
print("plateau of 10 for 24 h: AUC", float(nca.auc(np.arange(25.0), flat)), "(right 240)")
e = nca.exposure(np.arange(6.0), np.array([0.3, 0.1 + 0.2, 0.3, 0.1 + 0.2, 0.3, 0.3]))
print("0.3 for 5 h: AUClast", e.auc_last, "(right 1.5)  AUCinf", e.auc_inf, "(right: none)  adjusted R2", e.terminal.r2_adjusted)
print("times out of order:", nca.exposure(np.array([0.0, 2, 1, 4, 8, 12]), np.array([0.0, 5, 4, 2, 1, 0.5])).auc_last,
      "(sorted: ", nca.exposure(np.array([0.0, 1, 2, 4, 8, 12]), np.array([0.0, 4, 5, 2, 1, 0.5])).auc_last, "; PKNCA refuses)")
