# Rscript mmrm_made.R mmrm_made.csv
# The numbers of test_mmrm.py, run once with R 4.2.2, nlme 3.1-162 and pbkrtest 0.5.2.
library(nlme)
d <- read.csv(commandArgs(TRUE)[1])
d$v <- factor(d$visit); d$b <- d$baseline - mean(d$baseline[!duplicated(d$patient)])
d$cell <- factor(paste0(d$arm, d$visit)); d$s2 <- 1 * (d$stratum == "y"); d$s3 <- 1 * (d$stratum == "z")
formula <- value ~ 0 + cell + v:b + s2 + s3
tight <- glsControl(tolerance = 1e-12, msTol = 1e-14, opt = "optim", msMaxIter = 2000, maxIter = 2000)
loose <- glsControl(tolerance = 1e-10, msTol = 1e-12, msMaxIter = 500, maxIter = 500)
show <- function(name, fit) {
  cat(name, "deviance", format(-2 * as.numeric(logLik(fit)), digits = 12), "\n")
  print(summary(fit)$tTable[, 1:2], digits = 10)
}
us <- gls(formula, d, correlation = corSymm(form = ~ visit | patient), weights = varIdent(form = ~ 1 | v), control = tight)
show("unstructured", us)
print(getVarCov(us, individual = names(which(table(d$patient) == 4))[1]), digits = 10)
d <- d[order(d$patient, d$visit), ]
ar <- gls(formula, d, correlation = corAR1(0.5, form = ~ visit | patient), weights = varIdent(form = ~ 1 | v), control = loose)
show("heterogeneous autoregressive", ar)
cs <- gls(formula, d, correlation = corCompSymm(form = ~ visit | patient), control = tight)
show("compound symmetry", cs)
suppressMessages(library(pbkrtest))
lm <- lme4::lmer(value ~ 0 + cell + v:b + s2 + s3 + (1 | patient), d,
  control = lme4::lmerControl(optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-14)))
adjusted <- vcovAdj(lm)
effect <- lme4::fixef(lm)
k <- match(c("cellB4", "cellA4"), names(effect)); l <- numeric(length(effect)); l[k] <- c(1, -1)
cat("Kenward-Roger, B - A at visit 4:", format(c(sum(l * effect), sqrt(c(l %*% as.matrix(adjusted) %*% l)),
  get_Lb_ddf(lm, l)), digits = 12), "\n")
cat(R.version.string, format(packageVersion("nlme")), format(packageVersion("pbkrtest")), "\n")
