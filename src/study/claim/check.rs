//! Whether a study can answer a claim.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

use super::curves::curve;
use super::{Aggregate, Claim, Criterion, Paper, Role, Statistic};
use crate::groups::refuse_repeated;
use crate::probe::{Quantity, When};

/// Where a window begins that is meant for what is measured at the end of the run alone.
const AT_END: f64 = 0.95;

/// Checks that a window is a part of the run.
///
/// # Errors
/// The window, where it is not.
pub fn check_window([from, to]: [f64; 2]) -> Result<()> {
    let is_part = 0.0 <= from && from < to && to <= 1.0;
    ensure!(is_part, "window [{from}, {to}] is not a part of the run, as fractions between 0 and 1");
    Ok(())
}

impl Claim {
    /// Checks the claim by itself and against the `names` of its study's arms and values.
    ///
    /// # Errors
    /// The mistake, with the names that would be right.
    pub fn check(&self, names: &[String]) -> Result<()> {
        self.check_names(names)?;
        self.records().try_for_each(|(_, window)| check_window(window))?;
        refuse_repeated("layers", &self.layers)?;
        ensure!(self.confirm_on.as_ref() != Some(&self.metric), "`confirm_on` is the claim's own `metric`");
        if let Aggregate::Quantile(share) = self.aggregate {
            ensure!((0.0..=1.0).contains(&share), "quantile {share} is not between 0 and 1");
        }
        self.check_criteria()?;
        self.check_paper()
    }

    /// Every statistic of the claim: its own, those of further conditions, those of further estimates.
    pub fn statistics(&self) -> impl Iterator<Item = &Statistic> {
        let also = self.also.iter().map(|condition| &condition.statistic);
        let beside = self.beside.iter().filter_map(|beside| beside.statistic.as_ref());
        std::iter::once(&self.statistic).chain(also).chain(beside)
    }

    fn check_names(&self, names: &[String]) -> Result<()> {
        for statistic in self.statistics() {
            ensure!(!statistic.arms().is_empty(), "a statistic names no arm");
            if let Some(missing) = statistic.arms().into_iter().find(|name| !names.iter().any(|known| known == name)) {
                bail!("no arm or value named `{missing}` (the study has: {})", names.join(", "));
            }
        }
        Ok(())
    }

    /// Checks the claim against what is `measured` at a scale, by the names of the records.
    ///
    /// # Errors
    /// As [`check`](Claim::check).
    pub fn check_records(&self, measured: &BTreeMap<String, Quantity>) -> Result<()> {
        for (metric, window) in self.records() {
            let Some(Quantity { layers, when, .. }) = measured.get(metric) else {
                let known: Vec<_> = measured.keys().map(String::as_str).collect();
                bail!("nothing measures `{metric}` (measured are: {})", known.join(", "));
            };
            let asked = &self.layers;
            ensure!(asked.is_empty() || !layers.is_empty(), "`{metric}` is of the whole network: leave `layers` out");
            ensure!(
                asked.is_empty() == layers.is_empty() && asked.iter().all(|layer| layers.contains(layer)),
                "layers {asked:?} of `{metric}`: it is measured at {layers:?}"
            );
            ensure!(
                *when != When::EndBySettings || window[0] >= AT_END,
                "`{metric}` is measured at the end alone: name it in the probe's `along`, or give it the window \
                 [{AT_END}, 1.0]"
            );
        }
        Ok(())
    }

    /// The records that the claim reads, each with its window.
    pub fn records(&self) -> impl Iterator<Item = (&String, [f64; 2])> {
        let own = self.readings().map(|metric| (metric, self.window));
        let further = self.also.iter().map(|also| (also.metric.as_ref(), also.window));
        let further = further.chain(self.beside.iter().map(|beside| (beside.metric.as_ref(), beside.window)));
        let or_own =
            |(metric, window): (Option<_>, Option<_>)| (metric.unwrap_or(&self.metric), window.unwrap_or(self.window));
        own.chain(further.map(or_own))
    }

    fn check_criteria(&self) -> Result<()> {
        let is_descriptive = self.role == Role::Descriptive;
        ensure!(
            is_descriptive == self.criterion.is_none(),
            "a descriptive claim has no `criterion`, every other claim has one"
        );
        ensure!(
            !is_descriptive || (self.also.is_empty() && self.confirm_on.is_none()),
            "a descriptive claim has neither `also` nor `confirm_on`: use `beside`"
        );
        let own = self.criterion.map(|criterion| (&self.statistic, criterion));
        let also = self.also.iter().map(|condition| (&condition.statistic, condition.criterion));
        for (statistic, criterion) in own.into_iter().chain(also) {
            match statistic {
                Statistic::RatioOfMeans { .. } => {
                    bail!("a ratio of means is estimated, not judged: put its criterion as a contrast")
                }
                Statistic::Share { .. } => {
                    bail!("a share of seeds is estimated, not judged: put its criterion on the seeds' mean")
                }
                Statistic::Contrast(_) | Statistic::LogRatio { .. } => {}
            }
            check_bounds(criterion)?;
        }
        self.statistics().try_for_each(|statistic| match statistic {
            Statistic::Share { meets, .. } => check_bounds(*meets),
            _ => Ok(()),
        })
    }

    fn check_paper(&self) -> Result<()> {
        let Some(Paper::Curves { curves, columns, .. }) = &self.paper else { return Ok(()) };
        ensure!(
            self.aggregate == Aggregate::Mean,
            "`paper.curves` are read as means: give the paper's number, or no `aggregate`"
        );
        for arm in self.statistic.arms() {
            let column =
                columns.get(arm).with_context(|| format!("`paper.columns` gives no column for arm `{arm}`"))?;
            curve(curves, column)?;
        }
        Ok(())
    }
}

fn check_bounds(criterion: Criterion) -> Result<()> {
    if let Criterion::Between([low, high]) = criterion {
        ensure!(low < high, "`between = [{low}, {high}]`: nothing lies between {low} and {high}");
    }
    Ok(())
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
        claim.check(&arms).and_then(|()| claim.check_records(&measured)).unwrap_err().to_string()
    }

    /// One mistake at a time; each message names the mistake and what would be right.
    #[test]
    fn mistakes_are_named_with_their_remedy() {
        let paper = "paper = { curves = \"fig2_train_acc\", source = \"fig. 2\", columns = ";
        for (from, to, expected) in [
            ("b = -1.0", "c = -1.0", "no arm or value named `c` (the study has: a, b)"),
            ("a = 1.0, b = -1.0", "", "a statistic names no arm"),
            (
                "train_accuracy",
                "accuracy",
                "nothing measures `accuracy` (measured are: drift, train_accuracy, train_accuracy.late)",
            ),
            (
                "\"train_accuracy\"",
                "\"train_accuracy.late\"",
                "`train_accuracy.late` is measured at the end alone: name it in the probe's `along`, or give it \
                 the window [0.95, 1.0]",
            ),
            ("unit", "layers = [2]\nunit", "`train_accuracy` is of the whole network: leave `layers` out"),
            ("\"train_accuracy\"", "\"drift\"\nlayers = [5]", "layers [5] of `drift`: it is measured at [2, 9]"),
            (
                "unit",
                "window = [0.5, 1.5]\nunit",
                "window [0.5, 1.5] is not a part of the run, as fractions between 0 and 1",
            ),
            ("criterion = { above = 0.0 }", "", "a descriptive claim has no `criterion`, every other claim has one"),
            ("above = 0.0", "between = [3.0, -3.0]", "`between = [3, -3]`: nothing lies between 3 and -3"),
            (
                "unit",
                "beside = [{ statistic = { share = { of = \"a\", meets = { between = [2.0, 1.0] } } } }]\nunit",
                "`between = [2, 1]`: nothing lies between 2 and 1",
            ),
            (
                "contrast = { a = 1.0, b = -1.0 }",
                "ratio_of_means = { of = { a = 1.0 }, to = { b = 1.0 } }",
                "a ratio of means is estimated, not judged: put its criterion as a contrast",
            ),
            ("unit", &format!("{paper} {{ a = \"bn\" }} }}\nunit"), "`paper.columns` gives no column for arm `b`"),
            (
                "unit",
                &format!("{paper} {{ a = \"bn\", b = \"plain\" }} }}\nunit"),
                "no column `plain` in `fig2_train_acc` (there are: std, bn, noisy)",
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
