//! Parameters as values: named tensors in a fixed order.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor, Var, bail};

/// Named tensors in the order of their names: parameters, gradients, or buffers (running statistics).
///
/// Names and layouts are PyTorch's (`conv1.weight` in OIHW, `norm1.weight` for γ, `norm1.bias` for β), so that a
/// checkpoint loads elsewhere. Cloning copies no data.
#[derive(Clone, Debug, Default)]
pub struct Params(BTreeMap<String, Tensor>);

/// The names of the parameters of one layer, its normalisation included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerParameters {
    /// The layer, counted from 1 among those of its kind.
    pub layer: usize,
    /// The weight (outputs first).
    pub weight: String,
    /// β of the normalisation, or the bias; `None` where the layer has neither.
    pub bias: Option<String>,
    /// γ of the normalisation, where there is one.
    pub gamma: Option<String>,
}

impl LayerParameters {
    /// All of them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [Some(&self.weight), self.gamma.as_ref(), self.bias.as_ref()].into_iter().flatten().map(String::as_str)
    }
}

impl Params {
    /// The tensor called `name`.
    ///
    /// # Errors
    /// If there is none.
    pub fn get(&self, name: &str) -> Result<&Tensor> {
        match self.0.get(name) {
            Some(tensor) => Ok(tensor),
            None => bail!("no tensor is called `{name}`; there are: {:?}", self.0.keys().collect::<Vec<_>>()),
        }
    }

    /// Adds or replaces a tensor.
    pub fn insert(&mut self, name: impl Into<String>, tensor: Tensor) {
        self.0.insert(name.into(), tensor);
    }

    /// Names and tensors, in order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Tensor)> {
        self.0.iter()
    }

    /// Every tensor replaced by `f` of its name and itself.
    ///
    /// # Errors
    /// The first of `f`.
    pub fn map(&self, mut f: impl FnMut(&str, &Tensor) -> Result<Tensor>) -> Result<Params> {
        self.0.iter().map(|(name, tensor)| Ok((name.clone(), f(name, tensor)?))).collect()
    }

    /// Copies that Candle's autograd follows.
    ///
    /// # Errors
    /// If a copy fails.
    pub fn tracked(&self) -> Result<Params> {
        self.map(|_, tensor| Ok(Var::from_tensor(tensor)?.as_tensor().clone()))
    }

    /// How many numbers there are in all tensors.
    pub fn count(&self) -> usize {
        self.0.values().map(Tensor::elem_count).sum()
    }
}

impl FromIterator<(String, Tensor)> for Params {
    fn from_iter<I: IntoIterator<Item = (String, Tensor)>>(items: I) -> Self {
        Params(items.into_iter().collect())
    }
}
