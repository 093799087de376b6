//! Whether a study can answer a claim.

use std::collections::BTreeMap;

use super::curves::curve;
use super::{Aggregate, Claim, Criterion, Paper, Role, Statistic};
use crate::probe::{Quantity, When};

/// Where a window begins that is meant for what is measured at the end of the run alone.
const AT_END: f64 = 0.95;

/// Checks that a window is a part of the run.
///
/// # Errors
/// The window, where it is not.
pub fn check_window([from, to]: [f64; 2]) -> Result<(), String> {
    if 0.0 <= from && from < to && to <= 1.0 {
        return Ok(());
    }
    Err(format!("window [{from}, {to}] is not a part of the run, as fractions between 0 and 1"))
}

impl Claim {
    /// Checks the claim by itself and against the names of its study's arms and values.
    ///
    /// # Errors
    /// The mistake, with the claim's id and the names that would be right.
    pub fn check(&self, arms: &[String]) -> Result<(), String> {
        self.check_arms(arms)
            .and_then(|()| self.check_window())
            .and_then(|()| self.check_criteria())
            .and_then(|()| self.check_paper())
            .map_err(|message| format!("claim {}: {message}", self.id))
    }

    /// Every statistic of the claim: its own, those of further conditions, those of further estimates.
    pub fn statistics(&self) -> impl Iterator<Item = &Statistic> {
        let also = self.also.iter().map(|condition| &condition.statistic);
        let beside = self.beside.iter().filter_map(|beside| beside.statistic.as_ref());
        std::iter::once(&self.statistic).chain(also).chain(beside)
    }

    fn check_arms(&self, arms: &[String]) -> Result<(), String> {
        for statistic in self.statistics() {
            if statistic.arms().is_empty() {
                return Err("a statistic names no arm".into());
            }
            if let Some(missing) = statistic.arms().into_iter().find(|name| !arms.iter().any(|arm| arm == name)) {
                return Err(format!("no arm or value named `{missing}` (the study has: {})", arms.join(", ")));
            }
        }
        Ok(())
    }

    /// Checks the claim against what is `measured` at a scale, by the names of the records.
    ///
    /// # Errors
    /// As [`check`](Claim::check).
    pub fn check_records(&self, measured: &BTreeMap<String, Quantity>) -> Result<(), String> {
        let check = |(metric, window): (&String, _)| self.check_record(metric, window, measured);
        self.records().try_for_each(check).map_err(|message| format!("claim {}: {message}", self.id))
    }

    fn check_record(
        &self,
        metric: &String,
        window: [f64; 2],
        measured: &BTreeMap<String, Quantity>,
    ) -> Result<(), String> {
        let Some(Quantity { layers, when, .. }) = measured.get(metric) else {
            let known: Vec<_> = measured.keys().map(String::as_str).collect();
            return Err(format!("nothing measures `{metric}` (measured are: {})", known.join(", ")));
        };
        if self.layers.is_empty() != layers.is_empty() || self.layers.iter().any(|layer| !layers.contains(layer)) {
            return Err(match layers.as_slice() {
                [] => format!("`{metric}` is of the whole network: leave `layers` out"),
                _ => format!("layers {:?} of `{metric}`: it is measured at {layers:?}", self.layers),
            });
        }
        if *when == When::EndBySettings && window[0] < AT_END {
            return Err(format!(
                "`{metric}` is measured at the end alone: name it in the probe's `along`, or give it the window \
                 [{AT_END}, 1.0]"
            ));
        }
        Ok(())
    }

    /// The records that the claim reads, each with its window.
    pub fn records(&self) -> impl Iterator<Item = (&String, [f64; 2])> {
        let own = std::iter::once(&self.metric).chain(&self.confirm_on).map(|metric| (metric, self.window));
        let further = self.also.iter().map(|also| (also.metric.as_ref(), also.window));
        let further = further.chain(self.beside.iter().map(|beside| (beside.metric.as_ref(), beside.window)));
        let or_own =
            |(metric, window): (Option<_>, Option<_>)| (metric.unwrap_or(&self.metric), window.unwrap_or(self.window));
        own.chain(further.map(or_own))
    }

    fn check_window(&self) -> Result<(), String> {
        self.records().try_for_each(|(_, window)| check_window(window))?;
        match self.aggregate {
            Aggregate::Quantile(share) if !(0.0..=1.0).contains(&share) => {
                Err(format!("quantile {share} is not between 0 and 1"))
            }
            _ => Ok(()),
        }
    }

    fn check_criteria(&self) -> Result<(), String> {
        if (self.role == Role::Descriptive) != self.criterion.is_none() {
            return Err("a descriptive claim has no `criterion`, every other claim has one".into());
        }
        if self.role == Role::Descriptive && !(self.also.is_empty() && self.confirm_on.is_none()) {
            return Err("a descriptive claim has neither `also` nor `confirm_on`: use `beside`".into());
        }
        let also = self.also.iter().map(|condition| (&condition.statistic, condition.criterion));
        for (statistic, criterion) in
            self.criterion.map(|criterion| (&self.statistic, criterion)).into_iter().chain(also)
        {
            if matches!(statistic, Statistic::RatioOfMeans { .. }) {
                return Err("a ratio of means is estimated, not judged: put its criterion as a contrast".into());
            }
            if matches!(statistic, Statistic::Share { .. }) {
                return Err("a share of seeds is estimated, not judged: put its criterion on the seeds' mean".into());
            }
            if let Criterion::Between([low, high]) = criterion
                && low >= high
            {
                return Err(format!("nothing lies between {low} and {high}"));
            }
        }
        Ok(())
    }

    fn check_paper(&self) -> Result<(), String> {
        let Some(Paper::Curves { curves, columns, .. }) = &self.paper else { return Ok(()) };
        if self.aggregate != Aggregate::Mean {
            return Err("`paper.curves` are read as means: give the paper's number, or no `aggregate`".into());
        }
        for arm in self.statistic.arms() {
            let column = columns.get(arm).ok_or_else(|| format!("`paper.columns` gives no column for arm `{arm}`"))?;
            curve(curves, column)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = r#"
        id = "N1"
        role = "primary"
        origin = "paper"
        says = "a beats b"
        metric = "train_accuracy"
        statistic = { contrast = { a = 1.0, b = -1.0 } }
        criterion = { above = 0.0 }
        unit = "points"
    "#;

    fn error(text: &str) -> String {
        let arms = ["a".to_owned(), "b".to_owned()];
        let measured = [
            Quantity::accuracy("train_accuracy"),
            Quantity::accuracy("train_accuracy.late").when(When::EndBySettings),
            Quantity::new("drift", "activation").at(&[2, 9]),
        ];
        let measured = measured.map(|quantity| (quantity.name.clone(), quantity)).into();
        let claim = toml::from_str::<Claim>(text).unwrap();
        claim.check(&arms).and_then(|()| claim.check_records(&measured)).unwrap_err()
    }

    /// One mistake at a time; each message names the claim, the mistake and what would be right.
    #[test]
    fn mistakes_are_named_with_their_remedy() {
        let paper = "paper = { curves = \"fig2_train_acc\", source = \"fig. 2\", columns = ";
        for (from, to, expected) in [
            ("b = -1.0", "c = -1.0", "claim N1: no arm or value named `c` (the study has: a, b)"),
            ("a = 1.0, b = -1.0", "", "claim N1: a statistic names no arm"),
            (
                "train_accuracy",
                "accuracy",
                "claim N1: nothing measures `accuracy` (measured are: drift, train_accuracy, train_accuracy.late)",
            ),
            (
                "\"train_accuracy\"",
                "\"train_accuracy.late\"",
                "claim N1: `train_accuracy.late` is measured at the end alone: name it in the probe's `along`, or give it \
                 the window [0.95, 1.0]",
            ),
            ("unit", "layers = [2]\nunit", "claim N1: `train_accuracy` is of the whole network: leave `layers` out"),
            (
                "\"train_accuracy\"",
                "\"drift\"\nlayers = [5]",
                "claim N1: layers [5] of `drift`: it is measured at [2, 9]",
            ),
            (
                "unit",
                "window = [0.5, 1.5]\nunit",
                "claim N1: window [0.5, 1.5] is not a part of the run, as fractions between 0 and 1",
            ),
            (
                "criterion = { above = 0.0 }",
                "",
                "claim N1: a descriptive claim has no `criterion`, every other claim has one",
            ),
            ("above = 0.0", "between = [3.0, -3.0]", "claim N1: nothing lies between 3 and -3"),
            (
                "contrast = { a = 1.0, b = -1.0 }",
                "ratio_of_means = { of = { a = 1.0 }, to = { b = 1.0 } }",
                "claim N1: a ratio of means is estimated, not judged: put its criterion as a contrast",
            ),
            (
                "unit",
                &format!("{paper} {{ a = \"bn\" }} }}\nunit"),
                "claim N1: `paper.columns` gives no column for arm `b`",
            ),
            (
                "unit",
                &format!("{paper} {{ a = \"bn\", b = \"plain\" }} }}\nunit"),
                "claim N1: no column `plain` in `fig2_train_acc` (there are: std, bn, noisy)",
            ),
        ] {
            assert_eq!(error(&SOUND.replace(from, to)), expected);
        }
    }

    #[test]
    fn unknown_fields_and_half_given_papers_are_refused() {
        let unknown = toml::from_str::<Claim>(&format!("{SOUND}\nwindows = [0.0, 1.0]")).unwrap_err();
        assert!(unknown.message().contains("unknown field `windows`"), "{unknown}");
        let half = toml::from_str::<Claim>(&format!("{SOUND}\npaper = {{ value = 1.0, source = \"fig. 2\" }}"));
        assert!(half.unwrap_err().message().contains("either `value` and `of`, or `curves` and `columns`"));
    }
}
