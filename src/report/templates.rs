//! The templates of pages. They hold the prose and the tables; these are the filters that write their numbers, and the
//! form in which they read a verdict.

use std::sync::LazyLock;

use anyhow::Result;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value, context};

use super::numbers::{as_factor, estimate, fixed, p_value, plain};
use crate::judge::{Part, Verdict};
use crate::study::claim::Role;
use crate::text::thousands;

static TEMPLATES: LazyLock<Environment<'static>> =
    LazyLock::new(|| environment().expect("constant texts that every test of a report reads"));

/// The template `name`, filled with `facts`.
///
/// # Errors
/// A name or a field that does not exist.
pub fn render(name: &str, facts: Value) -> Result<String> {
    Ok(TEMPLATES.get_template(name)?.render(facts)?)
}

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template("report.md", include_str!("report.md.j2"))?;
    environment.add_template("captions.md", include_str!("captions.md.j2"))?;
    environment.add_template("answer.md", include_str!("answer.md.j2"))?;
    environment.add_template("behind.md", include_str!("behind.md.j2"))?;
    environment.add_template("index.md", include_str!("index.md.j2"))?;
    environment.add_filter("cell", |text: String| text.replace('|', r"\|").replace('\n', " "));
    environment.add_filter("fixed", fixed);
    environment.add_filter("p_value", p_value);
    environment.add_filter("thousands", thousands);
    environment.add_filter("short", |number: f64| number.to_string());
    Ok(environment)
}

/// A verdict with its numbers as text.
pub fn verdict(verdict: &Verdict) -> Value {
    context! {
        word => verdict.word.to_string(),
        explored_here => verdict.exploratory && verdict.role != Role::Exploratory,
        ours => verdict.estimate().map(|ours| estimate(&ours)),
        factor => verdict.factor().map(|factor| as_factor(&factor)),
        paper => verdict.paper_value.map(plain),
        paper_source => verdict.paper_source.clone(),
        parts => verdict.parts.iter().map(part).collect::<Vec<_>>(),
        beside => verdict.beside.iter().map(part).collect::<Vec<_>>(),
        ..Value::from(Serde(verdict))
    }
}

fn part(part: &Part) -> Value {
    context! { ours => part.estimate.as_ref().map(estimate), ..Value::from(Serde(part)) }
}
