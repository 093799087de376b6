//! A verdict: the one value from which terminal, page, pictures, index and `summary.json` are made.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::decide::Outcome;
use crate::stats::Estimate;
use crate::study::claim::{Origin, Role};

/// The word of a verdict, in the order in which answers list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// A paper's claim holds.
    Replicated,
    /// A claim of a critic or of ours holds.
    Supported,
    /// A paper's claim fails.
    NotReplicated,
    /// A claim of a critic or of ours fails.
    NotSupported,
    /// It holds on one reading of the quantity and not on the other.
    DependsOnTheReading,
    /// The data decide neither.
    Inconclusive,
    /// An estimate only: the claim has no criterion, or there are too few seeds.
    Descriptive,
    /// The criterion is not meant for this scale, or there are no records.
    NotJudged,
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = serde_json::to_value(self).map_err(|_| fmt::Error)?;
        f.write_str(&name.as_str().unwrap_or_default().replace('_', " "))
    }
}

/// The judge's answer on one claim, in the form in which `summary.json` keeps it. A verdict that is read back from
/// there lacks the fields that the file does not have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The claim's id.
    pub id: String,
    /// Its role.
    pub role: Role,
    /// Whose claim it is.
    pub origin: Origin,
    /// Whether it is exploratory: by its role, or because settings were overridden.
    pub exploratory: bool,
    /// The claim.
    pub says: String,
    /// The unit of the estimate.
    pub unit: String,
    /// The estimate of the claim's own statistic on its own metric; [`estimate`](Self::estimate) has all of it.
    #[serde(rename = "estimate")]
    pub point: Option<f64>,
    /// Its 95 % interval.
    pub ci95: Option<(f64, f64)>,
    /// The estimate as a factor, where the statistic is the logarithm of a ratio; see [`factor`](Self::factor).
    #[serde(rename = "factor")]
    pub factor_point: Option<f64>,
    /// The factor's 95 % interval.
    pub factor_ci95: Option<(f64, f64)>,
    /// How many seeds the estimate is made from.
    pub seeds: usize,
    /// Its criterion in words ("> 0"); none for a descriptive claim.
    pub criterion: Option<String>,
    /// The p value of the claim by the t test, the largest of its parts; none where the claim is not judged. All p
    /// values here are to be compared with 0.05.
    pub p_t: Option<f64>,
    /// The p value by the exact sign-flip test, the largest of its parts.
    pub p_sign_flip: Option<f64>,
    /// `p_t` after Holm's adjustment over the study's secondary claims; none for other roles.
    pub p_holm: Option<f64>,
    /// The published number.
    pub paper_value: Option<f64>,
    /// The quantity of the published number, its horizon included.
    pub paper_value_of: Option<String>,
    /// The published number's place in the paper.
    #[serde(skip)]
    pub paper_source: Option<String>,
    /// The verdict itself.
    #[serde(rename = "verdict")]
    pub word: Word,
    /// Whether no trial that is missing can change the verdict.
    #[serde(default)]
    pub settled: bool,
    /// The consequence, in the study's own words.
    pub means: Option<String>,
    /// Remarks, as sentences.
    pub notes: Vec<String>,
    /// Every condition of the claim on every reading.
    #[serde(skip)]
    pub parts: Vec<Part>,
    /// Estimates that are shown with the claim and decide nothing.
    #[serde(skip)]
    pub beside: Vec<Part>,
    /// The settings of sweeps that were chosen for it, as sentences.
    #[serde(skip)]
    pub chosen: Vec<String>,
}

impl Verdict {
    /// The estimate of the claim's own statistic on its own metric.
    pub fn estimate(&self) -> Option<Estimate> {
        Some(Estimate { point: self.point?, ci95: self.ci95, seeds: self.seeds })
    }

    /// The same as a factor, where the statistic is the logarithm of a ratio.
    pub fn factor(&self) -> Option<Estimate> {
        Some(Estimate { point: self.factor_point?, ci95: self.factor_ci95, seeds: self.seeds })
    }
}

/// One condition of a claim on one reading, or an estimate that is shown with the claim.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Part {
    /// The record that was read.
    pub metric: String,
    /// The part of the run, where it is not the claim's.
    pub window: Option<[f64; 2]>,
    /// The statistic in words.
    pub statistic: String,
    /// Its unit, where it has one that is not the claim's.
    pub unit: Option<String>,
    /// The criterion in words.
    pub criterion: Option<String>,
    /// The statistic's estimate.
    #[serde(skip)]
    pub estimate: Option<Estimate>,
    /// Whether the condition holds; none where the claim is not judged.
    pub outcome: Option<Outcome>,
    /// The p value by the t test.
    pub p_t: Option<f64>,
    /// The p value by the exact sign-flip test.
    pub p_sign_flip: Option<f64>,
}
