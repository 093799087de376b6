//! A study file with any bytes: see `fuzz/`.

use super::{Overrides, Plan, Study};

/// A study file, and the plans of all its scales.
pub fn study(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(study) = Study::parse("fuzz", "fuzz.toml", text) else { return };
    for scale in study.scale.keys() {
        let _planned_or_refused = Plan::new(study.clone(), scale, &Overrides::default());
    }
}
