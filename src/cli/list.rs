//! `whybn list`.

use std::fmt::Write;

use super::say;
use crate::run::Stop;
use crate::study::{BUILT_IN, Study};
use crate::text::count;

/// Shows the built-in studies.
///
/// # Errors
/// Those of the standard output.
pub fn list() -> Result<(), Stop> {
    let mut text = String::new();
    for (name, _) in BUILT_IN {
        let study = Study::load(name).map_err(Stop::Mistake)?;
        let (arms, claims) = (count(study.arm.len(), "arm"), count(study.claim.len(), "claim"));
        let _ = writeln!(text, "{name}: {}", study.title);
        let _ = writeln!(text, "  {arms}, {claims}, at these scales:");
        let others = study.scale.iter().filter(|(scale, _)| *scale != "desk");
        for (scale, size) in study.scale.get_key_value("desk").into_iter().chain(others) {
            let _ = writeln!(text, "    --scale {scale:<7} {}; {}", count(size.seeds, "seed"), size.says);
        }
        text.push('\n');
    }
    text += "Run one with `whybn study NAME`; see what that would cost with `whybn study NAME --dry-run`.";
    say(&text)
}
