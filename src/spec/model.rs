//! Which settings a kind of network has, and what they may be.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::noise::{Noise, ShiftUnit};
use super::{Init, Model, ModelKind, Norm};

impl Default for Model {
    fn default() -> Self {
        Model {
            kind: ModelKind::Vgg16,
            width_divisor: 8,
            head: Vec::new(),
            depth: None,
            width: None,
            norm: Norm::None,
            noise: Noise::None,
            init: Init::GlorotUniform,
        }
    }
}

impl Model {
    /// Layers that probes can name, counted from 1: the convolutions, or the layers of a deep linear network.
    pub fn layers(&self) -> usize {
        match self.kind {
            ModelKind::Vgg16 => 13,
            ModelKind::DeepLinear => self.depth.unwrap_or(0),
        }
    }

    /// What no type says of its sizes.
    pub(super) fn check(&self) -> Result<(), String> {
        match self.kind {
            ModelKind::Vgg16 => self.check_vgg16(),
            ModelKind::DeepLinear => self.check_deep_linear(),
        }
    }

    fn check_vgg16(&self) -> Result<(), String> {
        let own = [("model.depth", self.depth), ("model.width", self.width)];
        if let Some((key, _)) = own.iter().find(|(_, value)| value.is_some()) {
            return Err(format!("`{key}` is a setting of `deep_linear`; a `vgg16` has `model.width_divisor`"));
        }
        if self.width_divisor == 0 {
            return Err("`model.width_divisor` is 0; it must be at least 1".into());
        }
        if self.head.contains(&0) {
            return Err("`model.head` is 0; it must be at least 1".into());
        }
        if self.width_divisor > 64 || 64 % self.width_divisor != 0 {
            return Err(format!(
                "`model.width_divisor` is {}; it must divide VGG-16's 64 channels: 1, 2, 4, 8, 16, 32 or 64",
                self.width_divisor
            ));
        }
        let in_own_sd = matches!(&self.noise, Noise::Algorithm1(noise) if noise.unit == ShiftUnit::OwnSd);
        if in_own_sd && !matches!(self.norm, Norm::None | Norm::Batch) {
            return Err("`model.noise.unit = \"own_sd\"` is there for `model.norm` \"none\" and \"batch\" only".into());
        }
        self.noise.check()
    }

    fn check_deep_linear(&self) -> Result<(), String> {
        let least = [("model.depth", self.depth, 2, 25), ("model.width", self.width, 1, 10)];
        for (key, value, least, paper) in least {
            match value {
                None => return Err(format!("a `deep_linear` network needs `{key}`; the paper's is {paper}")),
                Some(value) if value < least => {
                    return Err(format!("`{key}` is {value}; it must be at least {least}"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// A kind's own settings only, so that no identity hangs on a setting that its network does not have.
impl Serialize for Model {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_vgg16 = self.kind == ModelKind::Vgg16;
        let fields = 3 + 3 * usize::from(is_vgg16) + [self.depth, self.width].iter().flatten().count();
        let mut model = serializer.serialize_struct("Model", fields)?;
        model.serialize_field("kind", &self.kind)?;
        if is_vgg16 {
            model.serialize_field("width_divisor", &self.width_divisor)?;
            model.serialize_field("head", &self.head)?;
        }
        for (name, size) in [("depth", self.depth), ("width", self.width)] {
            match size {
                Some(size) => model.serialize_field(name, &size)?,
                None => model.skip_field(name)?,
            }
        }
        model.serialize_field("norm", &self.norm)?;
        if is_vgg16 {
            model.serialize_field("noise", &self.noise)?;
        }
        model.serialize_field("init", &self.init)?;
        model.end()
    }
}
