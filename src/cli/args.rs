//! The command line as typed.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, Parser, Subcommand};

use crate::run::{Stop, cores};
use crate::spec::{DataName, first_set_twice};
use crate::study::{Overrides, Plan, Study};

/// Why does BatchNorm work? The published explanations, re-run as controlled experiments.
///
/// Start with `whybn study noisy_bn`: it trains every trial of the study, judges its claims and writes
/// reports/noisy_bn.md. Stop it at any time; the same command goes on.
#[derive(Debug, Parser)]
#[command(name = "whybn", version, arg_required_else_help = true)]
pub struct CommandLine {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the studies, what they ask, and their scales
    List,
    /// Run a study: train what is not trained yet, judge its claims, write its report
    Study(StudyArgs),
    /// Write a study's report again, from records alone
    Report(ReportArgs),
    /// Train one trial of a study's plan, so that many machines can share the plan
    Trial(TrialArgs),
    /// Fetch and check image sets
    #[command(subcommand)]
    Data(DataCommand),
}

/// A command about image sets.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Download an image set
    Fetch {
        /// `cifar10`
        #[arg(value_parser = fetchable)]
        name: DataName,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Show the image sets that are here: counts, class balance, hashes
    Check {
        #[command(flatten)]
        data: DataArgs,
    },
}

/// `whybn study`.
#[derive(Debug, Args)]
pub struct StudyArgs {
    #[command(flatten)]
    pub plan: PlanArgs,
    /// The folder of reports
    #[arg(long, value_name = "FOLDER", default_value = "reports")]
    pub out: PathBuf,
    /// Trials trained at once, one thread each [default: the processor's threads]
    #[arg(long, value_name = "N", value_parser = jobs, allow_negative_numbers = true, default_value_t = cores(), hide_default_value = true)]
    pub jobs: usize,
    /// Show the plan and an estimate of its cost, and train nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `whybn report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    #[command(flatten)]
    pub plan: PlanArgs,
    /// The folder of reports
    #[arg(long, value_name = "FOLDER", default_value = "reports")]
    pub out: PathBuf,
    /// Report although trials are missing
    #[arg(long)]
    pub partial: bool,
}

/// `whybn trial`.
#[derive(Debug, Args)]
pub struct TrialArgs {
    #[command(flatten)]
    pub plan: PlanArgs,
    /// The trial's number in the plan, from 1, or its id: see `whybn study NAME --dry-run`
    #[arg(value_name = "TRIAL", allow_negative_numbers = true)]
    pub which: String,
}

/// Which plan, and the folders of its trials and data.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// A study that `whybn list` shows, or the path of a study file, ending in .toml
    #[arg(value_name = "STUDY")]
    pub study: String,
    /// The size at which it runs
    #[arg(long, default_value = "desk")]
    pub scale: String,
    /// Seeds per arm [default: the scale's]
    #[arg(long, value_name = "N", value_parser = positive, allow_negative_numbers = true)]
    pub seeds: Option<usize>,
    /// Training steps of every trial, as --set train.steps=N
    #[arg(long, value_name = "N", value_parser = positive, allow_negative_numbers = true)]
    pub steps: Option<usize>,
    /// Change a setting of every trial, e.g. --set train.learning_rate=0.05; the run gets a name of its own
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    pub set: Vec<(String, toml::Value)>,
    /// The folder of trained trials
    #[arg(long, value_name = "FOLDER", default_value = "runs")]
    pub runs: PathBuf,
    #[command(flatten)]
    pub data: DataArgs,
}

/// The folder of data.
#[derive(Debug, Args)]
pub struct DataArgs {
    /// The folder of CIFAR-10 [default: $WHYBN_DATA, else data]
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
}

impl PlanArgs {
    /// The plan that is meant.
    ///
    /// # Errors
    /// A mistake: an unknown study, scale or key; values that cannot be.
    pub fn plan(&self) -> Result<Plan, Stop> {
        let steps = self
            .steps
            .map(|steps| ("train.steps".to_string(), toml::Value::Integer(i64::try_from(steps).unwrap_or(i64::MAX))));
        let set: Vec<_> = self.set.iter().cloned().chain(steps).collect();
        if let Some((_, twice)) = first_set_twice(set.iter().map(|(key, value)| (key.as_str(), value))) {
            return Err(Stop::Mistake(anyhow!("`{twice}` is set twice on the command line; leave one out")));
        }
        let overrides = Overrides { set: set.into_iter().collect(), seeds: self.seeds };
        Study::load(&self.study).and_then(|study| Plan::new(study, &self.scale, &overrides)).map_err(Stop::Mistake)
    }
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("it must be a whole number, at least 1".into()),
    }
}

/// More threads than any machine has would only fail to start.
fn jobs(text: &str) -> Result<usize, String> {
    match positive(text)? {
        jobs if jobs <= 1024 => Ok(jobs),
        _ => Err("it must be at most 1024".into()),
    }
}

/// `KEY=VALUE`, the value as in a study file; where it is not TOML it is a string, so that quotes are not needed.
fn setting(text: &str) -> Result<(String, toml::Value), String> {
    let (key, value) = text.split_once('=').ok_or("it must look like train.learning_rate=0.05")?;
    let value = value.trim();
    let value = value.parse().unwrap_or_else(|_| toml::Value::String(value.into()));
    Ok((key.trim().into(), value))
}

fn fetchable(name: &str) -> Result<DataName, String> {
    match name {
        "cifar10" => Ok(DataName::Cifar10),
        "fashion_mnist" => Err("it is part of the program already; what can be fetched: cifar10".into()),
        _ => Err("unknown image set; what can be fetched: cifar10".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn values_are_toml_and_bare_words_are_strings() {
        assert_eq!(setting("train.steps=5").unwrap(), ("train.steps".into(), 5.into()));
        assert_eq!(setting("train.learning_rate = 0.5").unwrap().1, 0.5.into());
        assert_eq!(setting("model.norm=batch").unwrap().1, "batch".into());
        assert_eq!(setting("model.norm=\"batch\"").unwrap().1, "batch".into());
        assert!(setting("model.noise={shift=0.2}").unwrap().1.is_table());
        assert!(setting("model.norm").is_err());
    }
}
