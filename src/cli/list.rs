//! `whybn list`.

use std::fmt::Write;

use super::output::say;
use crate::run::{OrMistake, Stop};
use crate::study::{BUILT_IN, Study};

/// Shows the built-in studies.
///
/// # Errors
/// Those of the standard output.
pub fn list() -> Result<(), Stop> {
    let mut text = String::new();
    for (name, _) in BUILT_IN {
        let study = Study::load(name).or_mistake()?;
        let (arms, claims) = (study.arm.len(), study.claim.len());
        let _ = writeln!(text, "{name}: {}", study.title);
        let _ = writeln!(text, "  {arms} arms, {claims} claims, at these scales:");
        for (scale, size) in in_order(&study) {
            let _ = writeln!(text, "    --scale {scale:<7} {} seeds; {}", size.seeds, size.says);
        }
        text.push('\n');
    }
    text += "Run one with `whybn study NAME`; see what that would cost with `whybn study NAME --dry-run`.";
    say(&text)
}

/// The scales of `study`, the default first, then by name.
fn in_order(study: &Study) -> Vec<(&String, &crate::study::Scale)> {
    let mut scales: Vec<_> = study.scale.iter().collect();
    scales.sort_by_key(|(name, _)| name.as_str() != "desk");
    scales
}
