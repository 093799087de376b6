//! The identity of a trial: a hash of a text that says all that its result depends on.
//!
//! The text is the specification as JSON with its keys in alphabetical order, with the seed, the data's hash and the
//! schema. A setting that came after trials had been trained is left out of it where it has the value that these trials
//! were trained with, so that their identities stay.

use super::{Model, Precision, Spec};
use crate::text::sha256;

impl Spec {
    /// Raised for those specifications alone that would now train to other weights, so that their old trials are not
    /// taken for new ones.
    pub fn schema(&self) -> u32 {
        match &self.model {
            // 2: of equal maxima the first alone gets the gradient in double precision, too.
            Model::Vgg16(_) if self.train.dtype == Precision::F64 => 2,
            // 2: Winograd's filtering from 2¹⁷ pairs of channels × pixels on; layers of the full width were above before,
            // those of 1/8 and below are below.
            Model::Vgg16(vgg) if [2, 4].contains(&vgg.width_divisor) => 2,
            _ => 1,
        }
    }

    /// The identity of the trial that this specification makes with `seed` on data of hash `data_hash`: sixteen
    /// hexadecimal digits of a SHA-256.
    pub fn identity(&self, seed: u64, data_hash: &str) -> String {
        self.identity_under(self.schema(), seed, data_hash)
    }

    /// The identity that the trial has under `schema`, the present one or an older one.
    pub(crate) fn identity_under(&self, schema: u32, seed: u64, data_hash: &str) -> String {
        let text = serde_json::json!({ "data": data_hash, "schema": schema, "seed": seed, "spec": self }).to_string();
        sha256([text])[..16].into()
    }

    /// The schema, the present one or an older one, under which the trial has the identity `id`.
    pub fn schema_of(&self, id: &str, seed: u64, data_hash: &str) -> Option<u32> {
        (0..=self.schema()).rev().find(|&schema| self.identity_under(schema, seed, data_hash) == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Layers;
    use crate::spec::tests::{deep_linear, with};

    /// Trials in folders and reports are found by their identity.
    #[test]
    fn identities_are_pinned() {
        assert_eq!(Spec::default().identity(0, "data"), "44ba81ec18a8dc26");
    }

    /// A specification that gets a new schema is another trial, and its old trials are still known for what they are.
    #[test]
    fn another_schema_is_another_trial() {
        let spec = Spec::default();
        let (present, next) = (spec.schema(), spec.schema() + 1);
        let id = |schema| spec.identity_under(schema, 0, "data");
        assert_eq!(id(present), spec.identity(0, "data"));
        assert!(id(next) != id(present) && id(0) != id(present));
        assert_eq!([present, 0].map(|schema| spec.schema_of(&id(schema), 0, "data")), [Some(present), Some(0)]);
        assert_eq!(spec.schema_of(&id(next), 0, "data"), None, "a trial of a later program");
        assert_eq!(spec.schema_of(&id(present), 1, "data"), None, "of another seed");
    }

    #[test]
    fn identity_depends_on_every_setting_seed_and_data() {
        let spec = Spec::default();
        let id = spec.identity(0, "data");
        assert_eq!(id, spec.clone().identity(0, "data"));
        assert_ne!(id, spec.identity(1, "data"));
        assert_ne!(id, spec.identity(0, "other"));
        let noisy = with(&[("model.noise", "algorithm_1".into())]).unwrap();
        let regression = deep_linear(&[]).unwrap();
        for (base, key, value) in [
            (&spec, "data", toml::Value::from("cifar10")),
            (&spec, "model.width_divisor", 4.into()),
            (&spec, "model.head", toml::Value::Array(vec![8.into()])),
            (&spec, "model.norm", "batch".into()),
            (&spec, "model.noise", "algorithm_1".into()),
            (&spec, "model.init", "he_normal".into()),
            (&spec, "train.learning_rate", 0.2.into()),
            (&spec, "train.weight_decay", 0.2.into()),
            (&spec, "train.batch", 64.into()),
            (&spec, "train.batch", "full".into()),
            (&spec, "train.dtype", "f64".into()),
            (&spec, "train.steps", 2.into()),
            (&noisy, "model.noise.redraw", "once".into()),
            (&noisy, "model.noise.dose", 2.into()),
            (&regression, "model.depth", 5.into()),
            (&regression, "model.width", 5.into()),
            (&regression, "model.norm", "l1".into()),
        ] {
            let mut layers = Layers::of(base);
            layers.set(key, value, "test").unwrap();
            assert_ne!(base.identity(0, "data"), layers.spec("test").unwrap().identity(0, "data"), "{key}");
        }
        assert_ne!(id, regression.identity(0, "data"));
    }
}
