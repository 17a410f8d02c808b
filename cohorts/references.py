"""Publications cited by the catalogue and the populations."""

from cohorts.citations import Citation

MEI_2021 = Citation(
    id="mei_2021",
    authors="Mei H et al",
    title="A multicenter, randomized phase III trial of hetrombopag: a novel thrombopoietin receptor agonist for the "
    "treatment of immune thrombocytopenia",
    journal="J Hematol Oncol 14:37",
    year=2021,
    pmcid="PMC7905908",
    registry="NCT03222843",
)
WANG_2022 = Citation(
    id="wang_2022",
    authors="Wang Z, Zeng Z, Ye L, Zhu X, Pei Y, Wang Y, Zheng L",
    title="Impact of target-mediated drug disposition on hetrombopag pharmacokinetics and pharmacodynamics in "
    "Chinese healthy subjects and patients with chronic idiopathic thrombocytopenic purpura",
    journal="Br J Clin Pharmacol 88(5):2084-2095",
    year=2022,
    doi="10.1111/bcp.15130",
)
ZHENG_2017 = Citation(
    id="zheng_2017",
    authors="Zheng L, Liang M, Zeng X, Li C, Zhang Y, Chen X, Zhu X, Xiang A",
    title="Safety, pharmacokinetics and pharmacodynamics of hetrombopag olamine, a novel TPO-R agonist, in healthy "
    "individuals",
    journal="Basic Clin Pharmacol Toxicol",
    year=2017,
    doi="10.1111/bcpt.12815",
    registry="NCT01830660",
)
LI_2023 = Citation(
    id="li_2023",
    authors="Li F, Lin H, Feng S et al",
    title="A phase I, single-sequence, open-label study to evaluate the drug-drug interaction between hetrombopag "
    "and cyclosporine in healthy Chinese subjects",
    journal="Br J Clin Pharmacol 89(7):2160-2167",
    year=2023,
    registry="NCT05088174",
)
HAYES_2011 = Citation(
    id="hayes_2011",
    authors="Hayes S et al",
    title="Population PK/PD modeling of eltrombopag in healthy volunteers and patients with immune thrombocytopenic "
    "purpura and optimization of response-guided dosing",
    journal="J Clin Pharmacol 51(10):1403-1417",
    year=2011,
    doi="10.1177/0091270010383019",
    pmid="21148042",
)
FARRELL_2014 = Citation(
    id="farrell_2014",
    authors="Farrell C, Hayes S, Wire M, Zhang J",
    title="Population pharmacokinetic/pharmacodynamic modelling of eltrombopag in healthy volunteers and subjects "
    "with chronic liver disease",
    journal="Br J Clin Pharmacol 77(5):717-728",
    year=2014,
    doi="10.1111/bcp.12244",
    note="read as coded in nlmixr2lib",
)
PETROV_2024 = Citation(
    id="petrov_2024",
    authors="Petrov A, Makarenko I, Sokolov V et al",
    title="Optimization of romiplostim biosimilar efficacy trial using in silico clinical trial approach for "
    "patients with immune thrombocytopenia",
    journal="Clin Pharmacol Drug Dev 14(2):116-126",
    year=2024,
    doi="10.1002/cpdd.1494",
    pmid="39702972",
    note="read as coded in nlmixr2lib",
)
ELTROMBOPAG_CHINA_2015 = Citation(
    id="clin_ther_2015",
    authors="(authors not seen)",
    title="Population pharmacokinetic and pharmacodynamic modeling and effects on platelet counts of different "
    "dosages of eltrombopag in Chinese patients with chronic primary immune thrombocytopenia",
    journal="Clin Ther 37(7):1382-1395",
    year=2015,
    doi="10.1016/j.clinthera.2015.03.024",
    pmid="25929594",
    label="Clin Ther 2015",
)
DOT_1992 = Citation(
    id="dot_1992",
    authors="Dot D, Miró J, Fuentes-Arderiu X",
    title="Within-subject biological variation of hematological quantities and analytical goals",
    journal="Arch Pathol Lab Med 116(8):825-826",
    year=1992,
    pmid="1497462",
)
NCD_RISC_2016 = Citation(
    id="ncd_risc_2016",
    authors="NCD-RisC, NCD Risk Factor Collaboration",
    title="A century of trends in adult human height",
    journal="eLife 5:e13410",
    year=2016,
    doi="10.7554/eLife.13410",
)
SHEN_2023 = Citation(
    id="shen_2023",
    authors="Shen N, Qiao J, Jiang Y, Yin H, Li M, Zhu S, Li J",
    title="Safety of non-peptide thrombopoietin receptor agonists in patients with immune thrombocytopenia: a "
    "systematic review and meta-analysis of short-term double-blind randomized clinical trials",
    journal="Exp Ther Med 26(2):393",
    year=2023,
    doi="10.3892/etm.2023.12092",
)
SHEN_2024 = Citation(
    id="shen_2024",
    authors="Shen N, Qiao J, Jiang Y, Yan J, Wu R, Yin H, Zhu S, Li J",
    title="Thrombopoietin receptor agonists use and risk of thrombotic events in patients with immune "
    "thrombocytopenic purpura: a systematic review and meta-analysis of randomized controlled trials",
    journal="Biomed Rep 20(3):44",
    year=2024,
    doi="10.3892/br.2024.1732",
    pmid="38357229",
)
