//! Activations of a convolution, in either implementation's layout, as probes read them.

use candle_core::{DType, Result, Tensor, bail};

use super::mode::Implementation;
use crate::kernels::lanes::LANES;
use crate::kernels::layout::{from_grouped, to_grouped, with_values};
use crate::kernels::sums::{self, Runs, positive_part};

/// Feature maps of `channels` channels, in the layout of an implementation.
#[derive(Clone, Debug)]
pub struct FeatureMaps {
    tensor: Tensor,
    channels: usize,
    implementation: Implementation,
}

impl FeatureMaps {
    /// `tensor` is (n, c, h, w) in the plain implementation, (n, ⌈c/8⌉, h, w, 8) in the fast one.
    pub fn new(tensor: Tensor, channels: usize, implementation: Implementation) -> Self {
        FeatureMaps { tensor, channels, implementation }
    }

    /// The maps as (n, c, h, w).
    ///
    /// # Errors
    /// If the tensor is not in the layout that it was said to be in.
    pub fn nchw(&self) -> Result<Tensor> {
        match self.implementation {
            Implementation::Plain => Ok(self.tensor.clone()),
            Implementation::Fast => from_grouped(&self.tensor, self.channels),
        }
    }

    /// How the values lie in memory.
    fn runs(&self) -> Runs {
        let (dims, lanes) = (self.tensor.dims(), if self.implementation == Implementation::Fast { LANES } else { 1 });
        Runs { groups: dims[1], lanes, length: dims[2] * dims[3] * lanes, images: dims[0] }
    }

    /// The result of `then` on all values in memory order.
    fn with_values<T>(&self, then: impl FnOnce(&[f32]) -> T) -> Result<T> {
        let tensor = self.tensor.to_dtype(DType::F32)?.contiguous()?;
        with_values([("feature maps", &tensor)], |[values]| Ok(then(values)))
    }

    /// All values of `channel`, image by image, row by row.
    ///
    /// # Errors
    /// If the values cannot be read.
    pub fn channel(&self, channel: usize) -> Result<Vec<f32>> {
        let runs = self.runs();
        let (group, lane) = (channel / runs.lanes, channel % runs.lanes);
        self.with_values(|values| {
            let of_channel = values.chunks_exact(runs.length).skip(group).step_by(runs.groups);
            of_channel.flat_map(|run| run.iter().skip(lane).step_by(runs.lanes).copied()).collect()
        })
    }

    /// Mean and biased variance of each channel over images and pixels: of the values, and of their positive parts
    /// (after a ReLU).
    ///
    /// # Errors
    /// If the values cannot be read.
    pub fn moments(&self) -> Result<[Vec<(f64, f64)>; 2]> {
        let runs = self.runs();
        let sums = self.with_values(|values| sums::powers(values, runs))?;
        let count = runs.count();
        let of = |sum: usize| {
            let moments = |sums: &[f64; 4]| {
                let mean = sums[sum] / count;
                (mean, positive_part(sums[sum + 2] / count - mean * mean))
            };
            sums[..self.channels].iter().map(moments).collect()
        };
        Ok([of(0), of(1)])
    }

    /// The squared correlation of each channel with that of `other`, over images and pixels; `None` where one of them
    /// does not vary.
    ///
    /// # Errors
    /// If the values cannot be read, or the maps differ in size or layout.
    pub(crate) fn squared_correlations(&self, other: &FeatureMaps) -> Result<Vec<Option<f64>>> {
        let runs = self.runs();
        if runs != other.runs() || self.channels != other.channels {
            bail!("feature maps of other size: {:?} and {:?}", self.tensor.shape(), other.tensor.shape());
        }
        let of_both = |ours: &[f32]| other.with_values(|theirs| sums::products(ours, theirs, runs));
        let sums = self.with_values(of_both)??;
        let count = runs.count();
        let correlation = |[x, y, xx, yy, xy]: &[f64; 5]| {
            let (xx, yy, xy) = (xx - x * x / count, yy - y * y / count, xy - x * y / count);
            (xx > 0.0 && yy > 0.0).then(|| xy * xy / (xx * yy))
        };
        Ok(sums[..self.channels].iter().map(correlation).collect())
    }
}

/// Feature maps (n, c, h, w) in the layout of `implementation`.
pub(super) fn to_layout_of(implementation: Implementation, nchw: &Tensor) -> Result<Tensor> {
    match implementation {
        Implementation::Plain => Ok(nchw.clone()),
        Implementation::Fast => to_grouped(nchw),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn both_layouts_read_alike_and_moments_are_those_of_the_values() {
        let values: Vec<f32> = (0..2 * 11 * 3 * 2).map(|i| ((i * 37 % 101) as f32 - 50.0) / 10.0).collect();
        let nchw = Tensor::from_vec(values, (2, 11, 3, 2), &Device::Cpu).unwrap();
        let plain = FeatureMaps::new(nchw.clone(), 11, Implementation::Plain);
        let fast = FeatureMaps::new(to_grouped(&nchw).unwrap(), 11, Implementation::Fast);
        assert_eq!(plain.moments().unwrap(), fast.moments().unwrap());
        for channel in 0..11 {
            let values = plain.channel(channel).unwrap();
            assert_eq!(values, fast.channel(channel).unwrap());
            let direct = nchw.narrow(1, channel, 1).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(values, direct);
            let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / 12.0;
            let variance = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / 12.0;
            let (found_mean, found_variance) = plain.moments().unwrap()[0][channel];
            assert!((found_mean - mean).abs() < 1e-12 && (found_variance - variance).abs() < 1e-10);
        }
    }

    #[test]
    fn a_value_that_is_no_number_leaves_no_moment_a_number() {
        let values = Tensor::from_slice(&[1.0, f32::NAN, 2.0, 3.0], (1, 2, 1, 2), &Device::Cpu).unwrap();
        let found = FeatureMaps::new(to_grouped(&values).unwrap(), 2, Implementation::Fast).moments().unwrap();
        for moments in &found {
            assert!(moments[0].0.is_nan() && moments[0].1.is_nan(), "{moments:?}");
            assert_eq!(moments[1], (2.5, 0.25));
        }
    }

    #[test]
    fn correlation_sees_through_offset_and_scale_and_halves_for_an_unrelated_part() {
        let maps = |values: &[f32]| {
            let nchw = Tensor::from_slice(values, (1, 2, 2, 2), &Device::Cpu).unwrap();
            FeatureMaps::new(to_grouped(&nchw).unwrap(), 2, Implementation::Fast)
        };
        let clean = maps(&[1.0, 1.0, -1.0, -1.0, 1.0, 2.0, 4.0, 8.0]);
        let noisy = maps(&[2.0, 0.0, 0.0, -2.0, -1.0, -3.0, -7.0, -15.0]);
        let found = clean.squared_correlations(&noisy).unwrap();
        assert!((found[0].unwrap() - 0.5).abs() < 1e-12 && (found[1].unwrap() - 1.0).abs() < 1e-12);
        let constant = maps(&[3.0; 8]);
        assert_eq!(clean.squared_correlations(&constant).unwrap(), [None, None]);
    }
}
