//! Parameters as values: named tensors in a fixed order.

use std::collections::BTreeMap;

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Result, Tensor, Var, bail};

/// Named tensors in the order of their names: parameters, gradients, or buffers (running statistics).
///
/// Names and layouts are PyTorch's (`conv1.weight` in OIHW, `norm1.weight` for γ, `norm1.bias` for β), so that a
/// checkpoint loads elsewhere. Cloning copies no data.
#[derive(Clone, Debug, Default)]
pub struct Params(BTreeMap<String, Tensor>);

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

    /// The gradients of these tensors, which are [tracked](Params::tracked), in `store`.
    ///
    /// # Errors
    /// If one has none.
    pub fn gradients(&self, store: &GradStore) -> Result<Params> {
        self.map(|name, tensor| match store.get(tensor) {
            Some(gradient) => Ok(gradient.clone()),
            None => bail!("`{name}` has no gradient"),
        })
    }

    /// The device of the tensors.
    pub(crate) fn device(&self) -> &Device {
        self.0.values().next().map_or(&Device::Cpu, Tensor::device)
    }

    /// Whether no number is infinite or NaN.
    ///
    /// # Errors
    /// If a tensor cannot be read.
    pub fn is_finite(&self) -> Result<bool> {
        let times_zero = |tensor: &Tensor| tensor.affine(0.0, 0.0)?.sum_all()?.to_dtype(DType::F64)?.to_scalar::<f64>();
        let products: Vec<f64> = self.0.values().map(times_zero).collect::<Result<_>>()?;
        Ok(products.iter().all(|&product| product == 0.0))
    }

    /// How many numbers there are in all tensors.
    pub fn count(&self) -> usize {
        self.0.values().map(Tensor::elem_count).sum()
    }

    /// The tensors called `names` alone.
    ///
    /// # Errors
    /// If one is missing.
    pub fn only<S: Into<String>>(&self, names: impl IntoIterator<Item = S>) -> Result<Params> {
        let named = |name: String| self.get(&name).cloned().map(|tensor| (name, tensor));
        names.into_iter().map(|name| named(name.into())).collect()
    }

    /// A copy in which every tensor of `others` takes the place of its namesake.
    pub fn with(&self, others: &Params) -> Params {
        let mut params = self.clone();
        params.extend(others.clone());
        params
    }

    /// Adds all tensors of `others`, in the places of their namesakes.
    pub fn extend(&mut self, others: Params) {
        self.0.extend(others.0);
    }

    /// x + length · direction.
    ///
    /// # Errors
    /// If `direction` lacks a tensor or has one of another shape.
    pub fn moved(&self, direction: &Params, length: f64) -> Result<Params> {
        self.map(|name, tensor| tensor.add(&direction.get(name)?.affine(length, 0.0)?))
    }

    /// ⟨x, other⟩ over all tensors as one vector, summed in f64.
    ///
    /// # Errors
    /// If `other` lacks a tensor or has one of another shape.
    pub fn dot(&self, other: &Params) -> Result<f64> {
        self.sum_of_pairs(other, |a, b| a * b)
    }

    /// ‖x‖₂ of all tensors as one vector.
    ///
    /// # Errors
    /// If a tensor cannot be read.
    pub fn norm(&self) -> Result<f64> {
        Ok(self.dot(self)?.sqrt())
    }

    /// ‖x − other‖₂ of all tensors as one vector.
    ///
    /// # Errors
    /// If `other` lacks a tensor or has one of another shape.
    pub fn distance(&self, other: &Params) -> Result<f64> {
        Ok(self.sum_of_pairs(other, |a, b| (a - b) * (a - b))?.sqrt())
    }

    /// The sum of `f` over pairs of numbers at the same place, in order of names.
    fn sum_of_pairs(&self, other: &Params, f: impl Fn(f64, f64) -> f64) -> Result<f64> {
        let numbers = |tensor: &Tensor| tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
        let mut sum = 0.0;
        for (name, tensor) in &self.0 {
            let there = other.get(name)?;
            if tensor.dims() != there.dims() {
                bail!("`{name}` is {:?} here and {:?} there", tensor.dims(), there.dims());
            }
            sum += numbers(tensor)?.into_iter().zip(numbers(there)?).map(|(a, b)| f(a, b)).sum::<f64>();
        }
        Ok(sum)
    }
}

impl FromIterator<(String, Tensor)> for Params {
    fn from_iter<I: IntoIterator<Item = (String, Tensor)>>(items: I) -> Self {
        Params(items.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(a: [f64; 2], b: f64) -> Params {
        let tensor = |values: &[f64]| Tensor::new(values, &Device::Cpu).unwrap();
        [("a".to_string(), tensor(&a)), ("b".to_string(), tensor(&[b]))].into_iter().collect()
    }

    #[test]
    fn all_tensors_are_one_vector() {
        let (x, y) = (params([1.0, 2.0], 2.0), params([3.0, 0.0], -1.0));
        assert_eq!(x.dot(&y).unwrap(), 1.0);
        assert_eq!(x.norm().unwrap(), 3.0);
        assert_eq!(x.distance(&y).unwrap(), 17f64.sqrt());
        assert_eq!(x.moved(&y, -2.0).unwrap().distance(&params([-5.0, 2.0], 4.0)).unwrap(), 0.0);
        let mixed = x.with(&y.only(["b"]).unwrap());
        assert_eq!(mixed.distance(&params([1.0, 2.0], -1.0)).unwrap(), 0.0);
        assert!(x.dot(&y.only(["a"]).unwrap()).is_err(), "a missing tensor is not a zero");
    }
}
