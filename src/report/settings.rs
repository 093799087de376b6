//! Settings, versions and the command of a report.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::value::Serde;
use minijinja::{Value, context};
use serde_json::Value as Json;

use super::stored;
use super::view::{Condition, View};
use crate::record::TrialRecords;
use crate::spec::Spec;
use crate::study::Plan;
use crate::text::shell_word;

/// The settings that all arms share, the keys of the others, and each arm's values of these.
pub fn settings(view: &View) -> Value {
    let flat: Vec<BTreeMap<String, String>> = view.conditions.iter().map(|condition| flatten(condition.spec)).collect();
    let keys: BTreeSet<&String> = flat.iter().flat_map(BTreeMap::keys).collect();
    let is_shared = |key: &&String| flat.iter().all(|settings| settings.get(*key) == flat[0].get(*key));
    let (shared, keys): (Vec<&String>, Vec<&String>) = keys.into_iter().partition(is_shared);
    let arm = |(condition, settings): (&Condition, &BTreeMap<String, String>)| {
        let values: Vec<_> = keys.iter().map(|key| settings.get(*key).cloned()).collect();
        context! { label => condition.label(), says => &condition.arm.says, values }
    };
    let arms: Vec<Value> = view.conditions.iter().zip(&flat).map(arm).collect();
    let shared: Vec<_> = shared.into_iter().map(|key| (key, &flat[0][key])).collect();
    context! { shared => Serde(shared), keys => Serde(&keys), arms }
}

/// A specification as dotted keys and values.
fn flatten(spec: &Spec) -> BTreeMap<String, String> {
    fn walk(prefix: &str, value: &Json, into: &mut BTreeMap<String, String>) {
        let Json::Object(inner) = value else {
            into.insert(prefix.into(), value.to_string());
            return;
        };
        for (key, value) in inner {
            let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            walk(&path, value, into);
        }
    }
    let mut flat = BTreeMap::new();
    walk("", &serde_json::to_value(spec).expect("a specification is plain data"), &mut flat);
    flat
}

/// The command that makes the report.
pub fn command(plan: &Plan) -> String {
    let mut words = vec!["whybn study".to_string()];
    let is_built_in = plan.study.own_file().is_none();
    words.push(if is_built_in { plan.study.name.clone() } else { shell_word(&plan.study.path) });
    if plan.scale != "desk" {
        words.push(format!("--scale {}", shell_word(&plan.scale)));
    }
    words.extend(plan.changes.iter().map(|change| match change.strip_prefix("seeds=") {
        Some(seeds) => format!("--seeds {seeds}"),
        None => format!("--set {}", shell_word(change)),
    }));
    words.join(" ")
}

/// The program that made the report, with the schemas of the trials.
pub fn versions(view: &View) -> String {
    let of_trial = |spec: &Spec, trial: &TrialRecords| {
        let (schema, present) = (stored::schema_of(trial, spec, view.data).unwrap_or(spec.schema()), spec.schema());
        if schema == present { schema.to_string() } else { format!("{schema} (an older one: it is {present} now)") }
    };
    let trials = view.conditions.iter().flat_map(|arm| arm.trials.iter().map(move |trial| (arm.spec, trial)));
    let schemas: BTreeSet<String> = trials.map(|(spec, trial)| of_trial(spec, trial)).collect();
    format!(
        "whybn {}, trial schema {}, candle-core {}",
        env!("CARGO_PKG_VERSION"),
        Vec::from_iter(schemas).join(" and "),
        locked("candle-core").unwrap_or("of an unknown version")
    )
}

/// The version of a dependency, as `Cargo.lock` has it.
fn locked(name: &str) -> Option<&'static str> {
    let lock = include_str!("../../Cargo.lock");
    let (_, after) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    after.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::{Overrides, Study};

    #[test]
    fn a_scale_with_signs_of_a_shell_is_quoted() {
        let own = "\n[scale.\"a b$(id)\"]\nsays = \"x\"\nseeds = 1\n";
        let text = include_str!("../../studies/standard_rate.toml").to_string() + own;
        let study = Study::parse("own", "my files/own.toml", &text).unwrap();
        let plan = Plan::new(study, "a b$(id)", &Overrides::default()).unwrap();
        assert_eq!(command(&plan), "whybn study 'my files/own.toml' --scale 'a b$(id)'");
    }

    #[test]
    fn the_lock_file_names_the_ground() {
        assert!(locked("candle-core").is_some_and(|version| version.starts_with("0.11")));
        assert_eq!(locked("no-such-crate"), None);
    }
}
