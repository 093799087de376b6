//! The templates of pages. They hold the prose and the tables; these are the filters that write their numbers, and the
//! form in which they read a verdict.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use anyhow::Result;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value, context};

use super::numbers::{as_factor, estimate, fixed, p_value, plain};
use crate::judge::{Part, Verdict};
use crate::study::claim::{Role, contrast};
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
    environment.add_filter("line", line);
    environment.add_filter("cell", |text: String| bars(&line(text)));
    environment.add_filter("code", code);
    environment.add_filter("code_cell", |text: String| bars(&code(text)));
    environment.add_filter("url", url);
    environment.add_filter("fixed", fixed);
    environment.add_filter("p_value", p_value);
    environment.add_filter("thousands", thousands);
    environment.add_filter("contrast", |weights: Serde<BTreeMap<String, f64>>| contrast(&weights));
    environment.add_filter("short", |number: f64| number.to_string());
    Ok(environment)
}

/// Words of a study as one line of Markdown, in which they make no tag and no link.
fn line(text: String) -> String {
    let mut line = String::new();
    let mut rest = text.replace(['\n', '\r'], " ").replace("](", r"]\(");
    while let Some(at) = rest.find('<') {
        let after = rest.split_off(at + 1);
        // "x < 1" is not a tag, and stays as it was written.
        let is_tag = after.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c));
        if is_tag {
            rest.truncate(at);
        }
        line += &rest;
        line += if is_tag { "&lt;" } else { "" };
        rest = after;
    }
    line + &rest
}

/// A name of a study as code in one line.
fn code(text: String) -> String {
    let text = text.replace(['\n', '\r'], " ");
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

/// The same within a cell of a table.
fn bars(text: &str) -> String {
    text.replace('|', r"\|")
}

/// A file's name as the target of a link.
fn url(name: String) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte);
    name.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_study_are_neither_tags_nor_links_nor_cells() {
        assert_eq!(line("a\n## b <b>h</b> [l](http://e)".into()), r"a ## b &lt;b>h&lt;/b> [l]\(http://e)");
        assert_eq!(line("γ²/σ² < 1 <".into()), "γ²/σ² < 1 <");
        assert_eq!(bars(&line("T|1".into())), r"T\|1");
        assert_eq!((code("a|b".into()), code("a`b\nc".into())), ("`a|b`".into(), "`` a`b c ``".into()));
        assert_eq!(url("x.a b$(id)".into()), "x.a%20b%24%28id%29");
    }
}
