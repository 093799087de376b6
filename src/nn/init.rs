//! Initial weights, each parameter from its own stream.

use candle_core::{DType, Device, Result, Tensor};
use rand_distr::{Distribution, Normal, Uniform};

use crate::rng;
use crate::spec::Init;

/// The initial weight called `name`: values in row-major order from the stream (seed, "init", name).
///
/// # Shapes
/// `shape` is (out, in) for a fully connected layer, (out, in, height, width) for a convolution; a fan counts the
/// window's pixels.
///
/// # Errors
/// If the tensor cannot be made.
pub fn weight(init: Init, seed: u64, name: &str, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor> {
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
    Tensor::from_vec(values, shape, device)?.to_dtype(dtype)
}

#[cfg(test)]
mod tests {
    use statrs::distribution::{ContinuousCDF, Normal};

    use super::*;
    use crate::nn::vgg::vgg16;
    use crate::nn::{Implementation, Network};
    use crate::spec::{Loss, Noise, Norm, Vgg16};
    use crate::testing::{kolmogorov_smirnov, moments};

    fn values(init: Init, name: &str, shape: &[usize]) -> Vec<f64> {
        weight(init, 0, name, shape, DType::F64, &Device::Cpu).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    /// A convolution of fans 32·9 in and 64·9 out, and a linear layer of 300 in and 200 out.
    const SHAPES: [(&[usize], f64, f64); 2] = [(&[64, 32, 3, 3], 288.0, 576.0), (&[200, 300], 300.0, 200.0)];

    /// Bound, variance 2 / (fan in + fan out) and distribution. The variance of n uniform values on (−a, a) is known to
    /// a standard error of a²·√(4/45/n): four of them.
    #[test]
    fn glorot_uniform() {
        for (shape, fan_in, fan_out) in SHAPES {
            let values = values(Init::GlorotUniform, "weight", shape);
            let (n, bound) = (values.len() as f64, (6.0 / (fan_in + fan_out)).sqrt());
            assert!(values.iter().all(|x| x.abs() <= bound));
            let (_, variance) = moments(&values);
            assert!((variance - 2.0 / (fan_in + fan_out)).abs() < 4.0 * bound * bound * (4.0 / 45.0 / n).sqrt());
            assert!(kolmogorov_smirnov(&values, |x| 0.5 * (x / bound + 1.0)) < 2.23);
        }
    }

    /// Variance 2 / fan in, to four standard errors of variance·√(2/n), and distribution.
    #[test]
    fn he_normal() {
        for (shape, fan_in, _) in SHAPES {
            let values = values(Init::HeNormal, "weight", shape);
            let want: f64 = 2.0 / fan_in;
            let (_, variance) = moments(&values);
            assert!((variance - want).abs() < 4.0 * want * (2.0 / values.len() as f64).sqrt());
            let normal = Normal::new(0.0, want.sqrt()).unwrap();
            assert!(kolmogorov_smirnov(&values, |x| normal.cdf(x)) < 2.23);
        }
    }

    /// Layers that come or go (a normalisation, noise, a hidden layer) leave the other layers' weights as they are, so
    /// arms of one seed start alike.
    #[test]
    fn a_weight_depends_on_its_own_name_only() {
        let network = |norm, noise, head: &[usize]| {
            let model = Vgg16 { width_divisor: 32, head: head.to_vec(), norm, noise, init: Init::GlorotUniform };
            let blocks = vgg16(&model, Implementation::Plain, &[3, 32, 32], 10);
            Network::new(blocks, model.init, Loss::CrossEntropy).init(5, DType::F32, &Device::Cpu).unwrap().0
        };
        let bits = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let noise = Some(Noise::default());
        let plain = network(None, None, &[]);
        for other in [network(Some(Norm::BATCH), noise, &[]), network(None, None, &[24, 12])] {
            for layer in 1..=13 {
                let name = format!("conv{layer}.weight");
                assert_eq!(bits(plain.get(&name).unwrap()), bits(other.get(&name).unwrap()), "{name}");
            }
        }
        let [conv12, conv13] = ["conv12.weight", "conv13.weight"].map(|name| bits(plain.get(name).unwrap()));
        assert_eq!(conv12.len(), conv13.len());
        assert!(conv12.iter().zip(&conv13).all(|(a, b)| a != b));
    }

    /// Initial weights are part of what a trial's identity promises: a change here changes every result.
    #[test]
    fn first_values_are_pinned() {
        let first = |init| values(init, "conv1.weight", &[8, 3, 3, 3])[..2].to_vec();
        assert_eq!(first(Init::GlorotUniform), [0.039_655_781_168_639_63, -0.243_308_112_109_317_6]);
        assert_eq!(first(Init::HeNormal), [0.112_629_380_351_227_03, 0.179_260_368_225_532]);
    }
}
