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
BUSSEL_2007 = Citation(
    id="bussel_2007",
    authors="Bussel JB, Cheng G, Saleh MN et al",
    title="Eltrombopag for the treatment of chronic idiopathic thrombocytopenic purpura",
    journal="N Engl J Med 357:2237-2247",
    year=2007,
    registry="NCT00102739",
    note="TRA100773A; read as abstract",
)
BUSSEL_2014 = Citation(
    id="bussel_2014",
    authors="Bussel JB, Kuter DJ, Aledort LM et al",
    title="A randomized trial of avatrombopag, an investigational thrombopoietin-receptor agonist, in persistent and "
    "chronic immune thrombocytopenia",
    journal="Blood 123:3887-3894",
    year=2014,
    note="phase II; read as abstract",
)
CHENG_2011 = Citation(
    id="cheng_2011",
    authors="Cheng G, Saleh MN, Marcher C et al",
    title="Eltrombopag for management of chronic immune thrombocytopenia (RAISE): a 6-month, randomised, phase 3 study",
    journal="Lancet 377:393-402",
    year=2011,
    doi="10.1016/S0140-6736(10)60959-2",
    registry="NCT00370331",
    note="read as abstract, with the congress abstract of the same trial",
)
YANG_2016 = Citation(
    id="yang_2016",
    authors="Yang R et al",
    title="Multicentre, randomised phase III study of the efficacy and safety of eltrombopag in Chinese patients with "
    "chronic immune thrombocytopenia",
    journal="Br J Haematol 176(1):101-110",
    year=2016,
    pmid="27734464",
    registry="NCT01762761",
    note="read as abstract and as the registry's summary of results",
)
JURCZAK_2018 = Citation(
    id="jurczak_2018",
    authors="Jurczak W et al",
    title="Phase III study of avatrombopag in chronic immune thrombocytopenia (study 302)",
    journal="Br J Haematol",
    year=2018,
    note="read as abstract and as Table 3 of the review PMC8977771",
)
ARNOLD_2017 = Citation(
    id="arnold_2017",
    authors="Arnold DM et al",
    title="Misdiagnosis of primary immune thrombocytopenia and frequency of bleeding: lessons from the McMaster ITP "
    "Registry",
    journal="Blood Adv 1(25):2414-2420",
    year=2017,
    note="Table 2 read",
)
GIBIANSKY_2011 = Citation(
    id="gibiansky_2011",
    authors="Gibiansky E et al",
    title="Population pharmacokinetics of eltrombopag in healthy subjects and patients with chronic idiopathic "
    "thrombocytopenic purpura",
    journal="J Clin Pharmacol 51(6):842-856",
    year=2011,
    doi="10.1177/0091270010375427",
    pmid="20663993",
)
HONG_2015 = Citation(
    id="hong_2015",
    authors="Hong J et al",
    title="Investigation on reference intervals and regional differences of platelet indices in healthy Chinese Han "
    "adults",
    journal="J Clin Lab Anal 29(1):21-27",
    year=2015,
    doi="10.1002/jcla.21721",
    pmid="24390860",
)
RUAN_2002 = Citation(
    id="ruan_2002",
    authors="Ruan C, Wu Y, Okada T et al",
    title="Studies on reference intervals for platelet counts in three cities in China and one in Japan",
    journal="Thromb Haemost 88(1):111-114",
    year=2002,
    doi="10.1055/s-0037-1613162",
)
ELTROMBOPAG_JAPAN_2011 = Citation(
    id="jscpt_2011",
    authors="(authors not seen)",
    title="Pharmacokinetics and pharmacodynamics of eltrombopag in healthy Japanese males",
    journal="Jpn J Clin Pharmacol Ther 42(1)",
    year=2011,
    doi="10.3999/jscpt.42.11",
    label="Jpn J Clin Pharmacol Ther 2011",
)
WINER_2015 = Citation(
    id="winer_2015",
    authors="Winer ES, Safran H, Karaszewska B et al",
    title="Eltrombopag with gemcitabine-based chemotherapy in patients with advanced solid tumors: a randomized "
    "phase I study",
    journal="Cancer Med",
    year=2015,
    doi="10.1002/cam4.326",
    registry="NCT01147809",
)
PEREZ_RUIXO_2015 = Citation(
    id="perez_ruixo_2015",
    authors="Perez-Ruixo C et al",
    title="(title not seen) platelets after hyperthermic intraperitoneal oxaliplatin",
    journal="(journal not seen)",
    year=2015,
    note="read as coded in nlmixr2lib",
)
HETROMBOPAG_CIT_2025 = Citation(
    id="nct05864014_2025",
    authors="(authors not seen)",
    title="Phase III study of hetrombopag in chemotherapy-induced thrombocytopenia (congress abstract)",
    journal="Blood (supplement)",
    year=2025,
    registry="NCT05864014",
    label="NCT05864014 abstract",
)
SHIMIZU_2021 = Citation(
    id="shimizu_2021",
    authors="Shimizu R, Katsube T, Wajima T",
    title="Quantitative systems pharmacology model of thrombopoiesis and platelet life-cycle, and its application to "
    "thrombocytopenia based on chronic liver disease",
    journal="CPT Pharmacometrics Syst Pharmacol 10(5):489-499",
    year=2021,
    pmid="33797208",
    note="read as coded in nlmixr2lib",
)
LOUWES_1999 = Citation(
    id="louwes_1999",
    authors="Louwes H, Zeinali Lathori OA, Vellenga E, de Wolf JT",
    title="Platelet kinetic studies in patients with idiopathic thrombocytopenic purpura",
    journal="Am J Med 106(4):430-434",
    year=1999,
    note="read as abstract",
)
JIN_2004 = Citation(
    id="jin_2004",
    authors="Jin F, Krzyzanski W",
    title="Pharmacokinetic model of target-mediated disposition of thrombopoietin",
    journal="AAPS PharmSci 6(1):e9",
    year=2004,
    note="read as abstract",
)
BACHMANN_2011 = Citation(
    id="bachmann_2011",
    authors="Bachmann J et al",
    title="Division of labor by dual feedback regulators controls JAK2/STAT5 signaling over broad ligand range",
    journal="Mol Syst Biol 7:516",
    year=2011,
    doi="10.1038/msb.2011.50",
    note="EpoR in CFU-E cells; read as the benchmark model in PEtab",
)
XIE_2018 = Citation(
    id="xie_2018",
    authors="Xie C et al",
    title="Hetrombopag in 32D-MPL cells: proliferation and signalling",
    journal="J Cell Mol Med",
    year=2018,
    doi="10.1111/jcmm.13809",
    note="read as a mirror of the text",
)
WANG_2020 = Citation(
    id="wang_2020",
    authors="Wang Z et al",
    title="First-in-patient study of hetrombopag in patients with chronic idiopathic thrombocytopenic purpura",
    journal="J Thromb Haemost 18(11):3053-3060",
    year=2020,
    doi="10.1111/jth.15078",
    registry="NCT02403440",
)
ELTROMBOPAG_LABEL = Citation(
    id="eltrombopag_label",
    authors="Novartis",
    title="Promacta (eltrombopag), US prescribing information",
    journal="label",
    year=2023,
    note="section 12.3",
    label="eltrombopag label",
)
AVATROMBOPAG_LABEL = Citation(
    id="avatrombopag_label",
    authors="AkaRx",
    title="Doptelet (avatrombopag), US prescribing information",
    journal="label",
    year=2021,
    note="section 12.3",
    label="avatrombopag label",
)
FOOD_2020 = Citation(
    id="wang_food_2020",
    authors="Wang Z et al",
    title="Effect of food on the pharmacokinetics of hetrombopag in healthy Chinese subjects",
    journal="Clin Ther",
    year=2020,
    doi="10.1016/j.clinthera.2020.10.002",
    registry="NCT02409394",
    label="Wang 2020 (food)",
)
YANG_2020 = Citation(
    id="yang_2020",
    authors="Yang et al",
    title="Effect of the post-dose fasting time on the pharmacokinetics of hetrombopag",
    journal="Br J Clin Pharmacol 86:1528",
    year=2020,
    doi="10.1111/bcp.14259",
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
NOROL_1998 = Citation(
    id="norol_1998",
    authors="Norol F et al",
    title="Platelet transfusion: a dose-response study",
    journal="Blood 92(4):1448-1453",
    year=1998,
    note="ashpublications.org/blood/article/92/4/1448",
)
RODEGHIERO_2009 = Citation(
    id="rodeghiero_2009",
    authors="Rodeghiero F, Stasi R, Gernsheimer T et al",
    title="Standardization of terminology, definitions and outcome criteria in immune thrombocytopenic purpura of "
    "adults and children: report from an international working group",
    journal="Blood 113(11):2386-2393",
    year=2009,
)

CITATIONS = {known.id: known for known in list(globals().values()) if isinstance(known, Citation)}
"""All of them by id: what ``citation`` of a study may name."""
