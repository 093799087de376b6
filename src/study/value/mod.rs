//! Values: names that a claim may use in addition to the arms. A value is an arm at one swept value, or the number to
//! which all of its sweep is brought down.
//!
//! ```toml
//! [value.standard_at_its_best]
//! arm = "standard"
//! along = "train.learning_rate"
//! take = "best"
//! ```
//!
//! The idea behind all kinds is one: the trials of one arm and seed make a curve over the swept values (or over the
//! layers), and the curve is brought down to a number.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::trial::PlannedTrial;
use crate::spec::Layers;

/// The word for a curve over the layers of a claim.
pub(crate) const LAYERS: &str = "layer";

/// A value, as written in a study's file.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Value {
    /// The arm whose trials it is made of.
    pub arm: String,
    /// The settings that these trials have, by dotted key; of several, the first in the plan's order.
    #[serde(default)]
    pub at: BTreeMap<String, toml::Value>,
    /// The curve's abscissa: a swept key, or `layer`.
    pub along: Option<String>,
    /// The number to which the curve is brought down.
    pub take: Option<Take>,
    /// The scales at which it exists; empty for all.
    #[serde(default)]
    pub scales: Vec<String>,
}

/// The number to which a curve is brought down.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// Its value where the mean over the choosing seeds is highest.
    Best,
    /// Its value at the smallest swept value at which one of several arms gets somewhere, by the means over the
    /// choosing seeds.
    FirstReached(Reached),
    /// The largest swept value that passes; 0 where none does.
    Largest(Passing),
    /// The smallest swept value that passes; +∞ where none does.
    Smallest(Passing),
    /// Its least-squares slope over the swept values.
    Slope,
    /// Its least-squares slope over the natural logarithms of the swept values.
    LogSlope,
    /// Its rank correlation with the swept values (Spearman).
    RankCorrelation,
    /// Where it first changes its sign, interpolated.
    ZeroCrossing,
}

/// Which arms are to reach how much, and when.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reached {
    /// One of these arms has to.
    pub arms: Vec<String>,
    /// The mean that it has to reach, in units of the claim's metric.
    pub at_least: f64,
    /// In which part of the run, as fractions of its steps.
    pub window: [f64; 2],
}

/// When a point of a curve passes.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Passing {
    /// At the level or above.
    AtLeast(Level),
    /// Below the level.
    Below(Level),
}

/// A level: a number, or the weighted sum of arms of the same seed.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Level {
    /// A number, in units of the claim's metric.
    Number(f64),
    /// Weights by arm.
    Contrast(BTreeMap<String, f64>),
}

impl Passing {
    /// The level.
    pub(crate) fn level(&self) -> &Level {
        match self {
            Self::AtLeast(level) | Self::Below(level) => level,
        }
    }

    /// Whether `value` passes the `level` that was worked out.
    pub fn passes(&self, value: f64, level: f64) -> bool {
        match self {
            Self::AtLeast(_) => value >= level,
            Self::Below(_) => value < level,
        }
    }
}

/// A name of a claim as trials of a plan: where the points of its curve lie.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// The arm.
    pub arm: String,
    /// In order of x; one point where there is no sweep to take together.
    pub points: Vec<CurvePoint>,
    /// The curve's abscissa; `None` for the first point alone.
    pub along: Option<String>,
    /// The number to which the curve is brought down; `None` for the value of the first point.
    pub take: Option<Take>,
}

/// A point of a curve: the trials of an arm at one combination of swept values.
#[derive(Clone, Debug, PartialEq)]
pub struct CurvePoint {
    /// The swept value; NaN where nothing is swept.
    pub x: f64,
    /// All swept values of these trials.
    pub sweep: BTreeMap<String, String>,
}

impl Term {
    /// An arm at its swept values.
    pub(crate) fn of_arm(arm: &str, sweep: BTreeMap<String, String>) -> Self {
        let point = CurvePoint { x: f64::NAN, sweep };
        Self { arm: arm.into(), points: vec![point], along: None, take: None }
    }
}

impl Value {
    /// Whether its place is chosen on seeds of its own.
    pub(crate) fn is_chosen(&self) -> bool {
        matches!(self.take, Some(Take::Best | Take::FirstReached(_)))
    }

    /// The arms that it is made of, those that it is chosen by included.
    pub fn arms(&self) -> BTreeSet<&str> {
        let others = match &self.take {
            Some(Take::FirstReached(reached)) => reached.arms.as_slice(),
            _ => &[],
        };
        std::iter::once(&self.arm).chain(others).map(String::as_str).collect()
    }

    /// All arms that it is made of, those of its level included.
    pub(crate) fn all_arms(&self) -> BTreeSet<&str> {
        let mut arms = self.arms();
        if let Some(Take::Largest(passing) | Take::Smallest(passing)) = &self.take
            && let Level::Contrast(weights) = passing.level()
        {
            arms.extend(weights.keys().map(String::as_str));
        }
        arms
    }

    /// Its trials among those of a plan.
    ///
    /// # Errors
    /// No trial is as it says, or swept values are not numbers.
    pub(crate) fn resolve(&self, trials: &[PlannedTrial]) -> Result<Term> {
        let mut points: Vec<CurvePoint> = Vec::new();
        let swept = self.along.as_deref().filter(|along| *along != LAYERS);
        for trial in trials.iter().filter(|trial| trial.arm == self.arm && self.fits(trial)) {
            let x = match swept {
                Some(key) => number_at(trial, key)?,
                None => f64::NAN,
            };
            if !points.iter().any(|point| point.x.total_cmp(&x).is_eq()) {
                points.push(CurvePoint { x, sweep: trial.sweep.clone() });
            }
        }
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        if points.is_empty() {
            let at: Vec<String> = self.at.iter().map(|(key, value)| format!("`{key} = {value}`")).collect();
            bail!("no trial of arm `{}` has {} at this scale", self.arm, at.join(", "));
        }
        Ok(Term { arm: self.arm.clone(), points, along: self.along.clone(), take: self.take.clone() })
    }

    /// Whether a trial has the settings of `at`.
    fn fits(&self, trial: &PlannedTrial) -> bool {
        self.at.iter().all(|(key, value)| match trial.sweep.get(key) {
            Some(swept) => alike(swept, &value.to_string()),
            None => {
                // Also where the specification leaves a setting out because it is at its neutral value.
                let mut same = Layers::of(&trial.spec);
                same.set(key, value.clone(), "").is_ok() && same.spec("").is_ok_and(|spec| spec == trial.spec)
            }
        })
    }
}

fn number_at(trial: &PlannedTrial, key: &str) -> Result<f64> {
    let text = trial.sweep.get(key).with_context(|| format!("`{key}` is not swept for arm `{}`", trial.arm))?;
    text.parse().ok().with_context(|| format!("`{key} = {text}` is not a number"))
}

/// Whether two written values are one: as numbers where they are numbers.
fn alike(a: &str, b: &str) -> bool {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

#[cfg(test)]
mod tests;
