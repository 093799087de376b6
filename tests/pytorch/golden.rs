//! The file of golden numbers, the inputs that both sides make for themselves, and comparison.
//!
//! Inputs are [`hashed`]: dyadic numbers that f32 and f64 hold exactly, so nothing is rounded before the first operation.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use sha2::{Digest, Sha256};
use whybn::nn::Implementation;

/// Every implementation in the precision that it is there for, with its unit roundoff.
pub const IMPLEMENTATIONS: [(Implementation, DType, f64); 2] = [
    (Implementation::Plain, DType::F64, f64::EPSILON / 2.0),
    (Implementation::Fast, DType::F32, f32::EPSILON as f64 / 2.0),
];

pub type Golden = HashMap<String, Tensor>;

pub fn golden() -> Golden {
    candle_core::safetensors::load("tests/golden/pytorch.safetensors", &Device::Cpu).unwrap()
}

/// Odd multiples of 2⁻¹⁶ between −1 and 1: splitmix64 of the index, seeded by SHA-256 of the name.
pub fn hashed(name: &str, shape: &[usize]) -> Tensor {
    let seed = u64::from_le_bytes(Sha256::digest(name)[..8].try_into().unwrap());
    let value = |index: usize| {
        let z = seed.wrapping_add((index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let sixteen_bits = (z ^ (z >> 31)) >> 48;
        (2.0 * sixteen_bits as f64 - 65535.0) / 65536.0
    };
    let values: Vec<f64> = (0..shape.iter().product()).map(value).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

pub fn flat(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// The largest difference of `got` and `want`, relative to the largest value of `want`.
pub fn difference(got: &Tensor, want: &Tensor) -> f64 {
    assert_eq!(got.dims(), want.dims());
    let (got, want) = (flat(got), flat(want));
    assert!(got.iter().all(|value| value.is_finite()));
    let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, |largest: f64, x| largest.max(x.abs()));
    largest(&mut got.iter().zip(&want).map(|(a, b)| a - b)) / largest(&mut want.iter().copied())
}

pub fn assert_close(label: &str, got: &Tensor, want: &Tensor, tolerance: f64) {
    let difference = difference(got, want);
    println!("{label}: {difference:.1e}, {tolerance:.1e} allowed");
    assert!(difference <= tolerance, "{label}: off by {difference:e}, {tolerance:e} allowed");
}
