//! Initial weights, each parameter from its own stream.

use candle_core::{DType, Device, Result, Tensor};
use rand_distr::{Distribution, Normal, Uniform};

use crate::rng;
use crate::study::Init;

/// The initial weight called `name`: values in row-major order from the stream (seed, "init", name).
///
/// # Shapes
/// `shape` is (out, in) for a fully connected layer, (out, in, height, width) for a convolution; a fan counts the
/// window's pixels.
///
/// # Errors
/// If the tensor cannot be made.
pub fn weight(init: Init, seed: u64, name: &str, shape: &[usize], dtype: DType) -> Result<Tensor> {
    let window: usize = shape[2..].iter().product();
    let (fan_out, fan_in) = ((shape[0] * window) as f64, (shape[1] * window) as f64);
    let mut stream = rng::stream(seed, "init", name, 0);
    let count = shape.iter().product();
    let values: Vec<f64> = match init {
        Init::GlorotUniform => {
            let bound = (6.0 / (fan_in + fan_out)).sqrt();
            let uniform = Uniform::new(-bound, bound).expect("a positive bound");
            uniform.sample_iter(&mut stream).take(count).collect()
        }
        Init::HeNormal => {
            let normal = Normal::new(0.0, (2.0 / fan_in).sqrt()).expect("a positive deviation");
            normal.sample_iter(&mut stream).take(count).collect()
        }
    };
    Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)
}
