use std::f64::consts::PI;

use statrs::distribution::{ContinuousCDF, Normal};

use super::*;
use crate::kernels::isa::Isa;
use crate::kernels::random::SplitMix64;
use crate::testing::{kolmogorov_smirnov, moments};

/// Kernel that draws words, for what the maps do not show.
struct NormalPairs<'a>(&'a [[u32; 2]]);

impl Kernel for NormalPairs<'_> {
    type Output = Vec<[f32; 2]>;
    fn run<L: Lanes>(self) -> Vec<[f32; 2]> {
        let words = |word: u32| <L::Words as Words>::from_array([word; LANES]);
        let pair = |&[radius, angle]: &[u32; 2]| normal_pair::<L>(words(radius), words(angle)).map(|x| x.to_array()[0]);
        self.0.iter().map(pair).collect()
    }
}

fn jitter(channels: usize, key: u64) -> Jitter {
    Jitter {
        shift: vec![0.0; channels],
        scale: vec![0.0; channels],
        shift_jitter: vec![1.0; channels],
        scale_jitter: 1.0,
        key,
    }
}

/// The values (normal, uniform) of one channel of one image.
fn channel(maps: &(Tensor, Tensor), image: usize, channel: usize) -> [Vec<f64>; 2] {
    [&maps.0, &maps.1].map(|map| {
        let map = map.get(image).unwrap().get(channel / LANES).unwrap().get_on_dim(2, channel % LANES).unwrap();
        map.flatten_all().unwrap().to_dtype(candle_core::DType::F64).unwrap().to_vec1().unwrap()
    })
}

/// √n times the correlation: standard normal for independent values.
fn scaled_correlation(a: &[f64], b: &[f64]) -> f64 {
    let ((mean_a, var_a), (mean_b, var_b)) = (moments(a), moments(b));
    let covariance: f64 = a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum();
    covariance / (var_a * var_b * a.len() as f64).sqrt()
}

/// Box–Muller in double precision from the same words. The tolerance is ten roundings of the largest normal.
#[test]
fn box_muller_is_accurate_up_to_the_ends() {
    let ends = [0, 1, 2, 0x7fff_fffe, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_fffe, 0xffff_ffff];
    let mut words: Vec<[u32; 2]> = ends.iter().flat_map(|&a| ends.map(|b| [a, b])).collect();
    let mut random = SplitMix64(1);
    words.extend((0..20_000).map(|_| [random.next() as u32, random.next() as u32]));
    for isa in Isa::available() {
        let _chosen = isa.choose();
        for (&[radius, angle], got) in words.iter().zip(isa::dispatch(NormalPairs(&words))) {
            let uniform = (((radius >> 1) as f32 / (1u64 << 31) as f32) as f64 + 0.5f64.powi(33)).min(1.0);
            let angle_in_half_turns = (angle as i32 as f32) as f64 / (1u64 << 32) as f64;
            let side = if angle & 1 == 0 { 1.0 } else { -1.0 };
            let radius = (-2.0 * uniform.ln()).sqrt();
            let want = [side * (PI * angle_in_half_turns).cos(), (PI * angle_in_half_turns).sin()].map(|x| x * radius);
            for (got, want) in got.into_iter().zip(want) {
                assert!((got as f64 - want).abs() < 7e-6, "{isa} {radius} {angle}: got {got}, want {want}");
            }
        }
    }
}

/// Bounds hold with probability 0.9999 or more each; the key is fixed, so the outcome is too.
#[test]
fn normals_and_uniforms_have_their_distributions() {
    let maps = noise_maps(&jitter(LANES, 1), 1, 320, 320).unwrap();
    let normal = Normal::standard();
    for lane in 0..LANES {
        let [normals, uniforms] = channel(&maps, 0, lane);
        let n = normals.len() as f64;
        let (mean, var) = moments(&normals);
        assert!(mean.abs() < 4.0 / n.sqrt(), "mean {mean}");
        assert!((var - 1.0).abs() < 4.0 * (2.0 / n).sqrt(), "variance {var}");
        let (mean, var) = moments(&uniforms);
        assert!(mean.abs() < 4.0 / (3.0 * n).sqrt(), "mean {mean}");
        assert!((var - 1.0 / 3.0).abs() < 4.0 * (4.0 / 45.0 / n).sqrt(), "variance {var}");
        assert!(uniforms.iter().all(|x| x.abs() <= 1.0));
        // The limiting distribution exceeds 2.23 with probability 1e-4.
        assert!(kolmogorov_smirnov(&normals, |x| normal.cdf(x)) < 2.23);
        assert!(kolmogorov_smirnov(&uniforms, |x| (x + 1.0) / 2.0) < 2.23);
    }
    // The test can see a difference: the same normals, one percent wider, summed over all lanes.
    let all: Vec<f64> = (0..LANES).flat_map(|lane| channel(&maps, 0, lane)[0].clone()).collect();
    assert!(kolmogorov_smirnov(&all, |x| normal.cdf(x)) < 2.23);
    assert!(kolmogorov_smirnov(&all, |x| normal.cdf(x * 1.01)) > 2.23);
}

/// Neighbours in every direction, the two maps, and the squares (which a bad Box–Muller pair would couple).
#[test]
fn images_keys_channels_and_positions_are_independent() {
    let maps = noise_maps(&jitter(2 * LANES, 1), 2, 128, 128).unwrap();
    let other_key = noise_maps(&jitter(2 * LANES, 2), 2, 128, 128).unwrap();
    let reference = channel(&maps, 0, 0);
    let others = [
        channel(&maps, 1, 0),
        channel(&maps, 0, 1),
        channel(&maps, 0, LANES),
        channel(&other_key, 0, 0),
        channel(&other_key, 1, 0),
    ];
    let squares = |values: &[f64]| values.iter().map(|x| x * x).collect::<Vec<_>>();
    let check = |what: &str, a: &[f64], b: &[f64]| {
        for (a, b) in [(a.to_vec(), b.to_vec()), (squares(a), squares(b))] {
            let correlation = scaled_correlation(&a, &b);
            assert!(correlation.abs() < 4.0, "{what}: {correlation}");
        }
    };
    for values in reference.iter() {
        for other in others.iter().flatten() {
            check("other image, channel or key", values, other);
        }
        for lag in [1, 2, 3, 4, 127, 128, 129] {
            check("position", &values[lag..], &values[..values.len() - lag]);
        }
    }
    check("scale and shift", &reference[0], &reference[1]);
    check("scale and the next shift", &reference[0][1..], &reference[1][..128 * 128 - 1]);
}

#[test]
fn an_image_does_not_depend_on_the_others() {
    let jitter = jitter(11, 3);
    let (many, few) = (noise_maps(&jitter, 5, 3, 5).unwrap(), noise_maps(&jitter, 2, 3, 5).unwrap());
    for image in 0..2 {
        for c in 0..11 {
            assert_eq!(channel(&many, image, c), channel(&few, image, c));
        }
    }
}

#[test]
fn instruction_sets_agree() {
    let jitter = jitter(LANES, 4);
    let [reference, others @ ..] = &Isa::available()[..] else { unreachable!() };
    let values = |isa: Isa| {
        let _chosen = isa.choose();
        let (scale, shift) = noise_maps(&jitter, 2, 33, 31).unwrap();
        [scale, shift].map(|map| map.flatten_all().unwrap().to_vec1::<f32>().unwrap()).concat()
    };
    for &other in others {
        for (a, b) in values(*reference).into_iter().zip(values(other)) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }
}

#[test]
fn means_are_added_and_lanes_without_a_channel_are_zero() {
    let (shift, scale) = (vec![0.25, -0.5, 0.0], vec![1.0, 1.125, 1.25]);
    let shift_jitter = vec![0.0; shift.len()];
    let still = Jitter { shift: shift.clone(), scale: scale.clone(), shift_jitter, scale_jitter: 0.0, key: 5 };
    let moving = Jitter { shift_jitter: vec![0.125; shift.len()], scale_jitter: 0.25, ..still.clone() };
    let raw = noise_maps(&jitter(3, 5), 2, 3, 3).unwrap();
    let (still, moving) = (noise_maps(&still, 2, 3, 3).unwrap(), noise_maps(&moving, 2, 3, 3).unwrap());
    for image in 0..2 {
        for c in 0..LANES {
            let (mean_s, mean_m) = if c < 3 { (scale[c] as f64, shift[c] as f64) } else { (0.0, 0.0) };
            let [normals, uniforms] = channel(&raw, image, c);
            assert_eq!(channel(&still, image, c), [[mean_s; 9], [mean_m; 9]]);
            let [got_s, got_m] = channel(&moving, image, c);
            for i in 0..9 {
                assert!((got_s[i] - (mean_s + 0.25 * normals[i])).abs() < 1e-6);
                assert!((got_m[i] - (mean_m + 0.125 * uniforms[i])).abs() < 1e-6);
                assert!(c < 3 || got_s[i] == 0.0 && got_m[i] == 0.0);
            }
        }
    }
}
