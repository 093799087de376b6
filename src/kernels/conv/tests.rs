//! Every pass against Candle's plain `conv2d` in f64, with every instruction set.

use candle_core::{DType, Device, Result, Tensor, Var};
use rand_distr::{Distribution, StandardNormal};

use super::pack::Weights;
use super::{Conv3x3, Size, image, weight_gradient, winograd};
use crate::kernels::isa::Isa;
use crate::kernels::lanes::LANES;
use crate::kernels::layout::{from_grouped, groups, to_grouped};
use crate::rng;

/// (n, c_in, c_out, h, w): whole and broken tiles of images and pixels (see `image.rs`) for every width class, batches
/// below a tile, channels that leave lanes empty or make an odd or an even number of groups, and images larger than a
/// block of either kernel.
const SHAPES: [[usize; 5]; 19] = [
    [1, 1, 1, 1, 1],
    [1, 1, 8, 3, 4],
    [17, 3, 10, 1, 1],
    [1, 9, 17, 2, 2],
    [11, 16, 8, 2, 2],
    [8, 13, 16, 2, 2],
    [6, 5, 9, 4, 3],
    [3, 8, 8, 4, 4],
    [4, 7, 24, 4, 4],
    [5, 8, 16, 4, 4],
    [2, 10, 3, 5, 4],
    [3, 2, 8, 7, 5],
    [4, 6, 11, 6, 7],
    [7, 8, 16, 8, 8],
    [3, 4, 5, 1, 9],
    [1, 8, 16, 2, 400],
    [1, 3, 9, 26, 17],
    [8, 40, 16, 20, 20],
    [1, 20, 33, 5, 6],
];

/// Input, weight and gradient of the output, in f64 (with values that f32 has).
struct Case {
    input: Tensor,
    weight: Tensor,
    grad: Tensor,
}

/// Output, gradient of the input and gradient of the weight; the first two as (n, c, h, w).
struct Passes([Tensor; 3]);

impl Passes {
    fn values(&self) -> Result<Vec<Vec<f64>>> {
        self.0.iter().map(|pass| pass.flatten_all()?.to_vec1()).collect()
    }
}

impl Case {
    fn draw(shape: [usize; 5]) -> Result<Self> {
        let [n, c_in, c_out, h, w] = shape;
        let draw = |name: &str, shape: [usize; 4]| {
            let stream = rng::stream(7, "test", name, 0);
            let values: Vec<f32> = StandardNormal.sample_iter(stream).take(shape.iter().product()).collect();
            Tensor::from_vec(values, &shape, &Device::Cpu)?.to_dtype(DType::F64)
        };
        Ok(Self {
            input: draw("input", [n, c_in, h, w])?,
            weight: draw("weight", [c_out, c_in, 3, 3])?,
            grad: draw("grad", [n, c_out, h, w])?,
        })
    }

    fn abs(&self) -> Result<Self> {
        Ok(Self { input: self.input.abs()?, weight: self.weight.abs()?, grad: self.grad.abs()? })
    }

    /// Candle's own operations and autograd.
    fn reference(&self) -> Result<Passes> {
        let (input, weight) = (Var::from_tensor(&self.input)?, Var::from_tensor(&self.weight)?);
        let output = input.conv2d(&weight, 1, 1, 1, 1)?;
        let gradients = (&output * &self.grad)?.sum_all()?.backward()?;
        let gradient = |of: &Var| gradients.get(of).expect("a variable of the loss").clone();
        Ok(Passes([output.detach(), gradient(&input), gradient(&weight)]))
    }

    /// The sum of absolute values in Winograd's algorithm: of the products of a tile's 4×4 (in one dimension, 4)
    /// positions no pair of a pixel and a tap enters an output more than 2·2 times, and only pixels of the output's 3×3
    /// window do; but every tap may. So in the gradient of the taps every pair of a gradient and an input in its 3×3
    /// window may enter every tap.
    fn winograd_bound(&self) -> Result<Passes> {
        let Case { input, weight, grad } = self.abs()?;
        let taps = weight.sum_keepdim((2, 3))?.affine(4.0, 0.0)?.broadcast_as(weight.shape())?.contiguous()?;
        let Passes([output, grad_input, pairs]) = Case { input, weight: taps, grad }.reference()?;
        let pairs = pairs.sum_keepdim((2, 3))?.affine(4.0, 0.0)?.broadcast_as(weight.shape())?;
        Ok(Passes([output, grad_input, pairs.contiguous()?]))
    }

    /// Our kernels, with `isa`; the direct ones, or Winograd's.
    fn kernels(&self, direct: bool) -> Result<Passes> {
        let convolve = if direct { image::convolve } else { winograd::convolve };
        let weight_gradient = if direct { weight_gradient::weight_gradient } else { winograd::weight_gradient };
        let (images, c_in, height, width) = self.input.dims4()?;
        let c_out = self.weight.dim(0)?;
        let size = Size { images, height, width };
        let (input, weight, grad) = (grouped(&self.input)?, flat(&self.weight)?, grouped(&self.grad)?);
        let ungroup = |values: Vec<f32>, channels: usize| -> Result<Tensor> {
            let grouped = Tensor::from_vec(values, (images, groups(channels), height, width, LANES), &Device::Cpu)?;
            let nchw = from_grouped(&grouped, channels)?;
            assert_eq!(to_grouped(&nchw)?.sub(&grouped)?.abs()?.max_all()?.to_scalar::<f32>()?, 0.0, "empty lanes");
            nchw.to_dtype(DType::F64)
        };
        let grad_weight = weight_gradient(size, c_in, c_out, &input, &grad);
        Ok(Passes([
            ungroup(convolve(size, &input, Weights::forward(&weight, c_in, c_out)), c_out)?,
            ungroup(convolve(size, &grad, Weights::transposed(&weight, c_in, c_out)), c_in)?,
            Tensor::from_vec(grad_weight, self.weight.shape(), &Device::Cpu)?.to_dtype(DType::F64)?,
        ]))
    }
}

fn flat(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
}

fn grouped(nchw: &Tensor) -> Result<Vec<f32>> {
    flat(&to_grouped(&nchw.to_dtype(DType::F32)?)?)
}

/// A sum of k products, in any order, is off by at most k·ε times the sum of the products' absolute values
/// (Higham 2002, eq. 3.5, with u = ε/2 and one more rounding for each product). `bound` holds these sums.
fn assert_close(got: &Passes, expected: &Passes, bound: &Passes, summands: [usize; 3], case: &str) -> Result<()> {
    for (pass, name) in ["output", "input gradient", "weight gradient"].into_iter().enumerate() {
        let error = (&got.0[pass] - &expected.0[pass])?.abs()?;
        let allowed = bound.0[pass].affine(summands[pass] as f64 * f64::from(f32::EPSILON), f64::MIN_POSITIVE)?;
        let worst = (error / allowed)?.max_all()?.to_scalar::<f64>()?;
        assert!(worst <= 1.0, "{case}: {name} is off by {worst} times what rounding allows");
    }
    Ok(())
}

#[test]
fn all_passes_equal_plain_convolution() -> Result<()> {
    for shape in SHAPES {
        let [n, c_in, c_out, h, w] = shape;
        let case = Case::draw(shape)?;
        let expected = case.reference()?;
        // Winograd's transforms round up to ten times; sums over tiles round once for each, and once for each block.
        let tiles = n * h.div_ceil(2) * w.div_ceil(2);
        let winograd = [c_in + 10, c_out + 10, tiles + tiles.div_ceil(winograd::BLOCK_TILES) + 10];
        for (direct, bound, summands) in [
            (true, case.abs()?.reference()?, [9 * c_in, 9 * c_out, n * h * w]),
            (false, case.winograd_bound()?, winograd),
        ] {
            let mut by_isa = Vec::new();
            for isa in Isa::available() {
                let _chosen = isa.choose();
                let got = case.kernels(direct)?;
                assert_close(&got, &expected, &bound, summands, &format!("{shape:?} {isa} {direct}"))?;
                assert_eq!(got.values()?, case.kernels(direct)?.values()?, "{shape:?} {isa} {direct}: again");
                by_isa.push(got.values()?);
            }
            // Wider registers hold more channels; each channel's sum is taken in the same order.
            if let [_, avx2, avx512] = &by_isa[..] {
                assert_eq!(avx2, avx512, "{shape:?} {direct}");
            }
        }
    }
    Ok(())
}

/// The layers of VGG-16 at 1/8 width were reported on with the direct convolution; of a 2×2 map Winograd's is not faster.
#[test]
fn only_large_layers_are_convolved_by_winograd() {
    let pays = |channels, side| winograd::pays(Size { images: 128, height: side, width: side }, channels, channels);
    for (channels, side) in [(8, 32), (16, 16), (32, 8), (64, 4), (128, 2), (512, 2)] {
        assert!(!pays(channels, side), "{channels} channels of {side}×{side}");
    }
    for (channels, side) in [(16, 32), (32, 16), (64, 8), (128, 4), (64, 32), (128, 16), (256, 8), (512, 4)] {
        assert!(pays(channels, side), "{channels} channels of {side}×{side}");
    }
}

/// On both sides of the smallest large layer the operation and its gradients are, to the bit, those of its kernel.
#[test]
fn the_operation_takes_the_kernel_that_the_size_asks_for() -> Result<()> {
    for (height, direct) in [(16, false), (15, true)] {
        let case = Case::draw([1, 16, 16, height, 32])?;
        let (input, weight, grad) = variables(&case)?;
        let expected = case.kernels(direct)?.values()?;
        let maps = [Conv3x3::forward(&input, &weight)?, Conv3x3::input_gradient(&weight, &grad)?];
        for (made, expected) in maps.iter().zip(&expected) {
            assert_eq!(from_grouped(made, 16)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?, *expected);
        }
        let grad_weight = Conv3x3::weight_gradient(&input, &weight, &grad)?;
        assert_eq!(grad_weight.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?, expected[2]);
    }
    Ok(())
}

/// Input and weight as variables in the grouped layout, f32, and the gradient of the output.
fn variables(case: &Case) -> Result<(Var, Var, Tensor)> {
    let input = Var::from_tensor(&to_grouped(&case.input.to_dtype(DType::F32)?)?)?;
    let weight = Var::from_tensor(&case.weight.to_dtype(DType::F32)?)?;
    Ok((input, weight, to_grouped(&case.grad.to_dtype(DType::F32)?)?))
}

#[test]
fn autograd_takes_the_same_backward_and_skips_what_is_not_tracked() -> Result<()> {
    let (input, weight, grad) = variables(&Case::draw([4, 6, 11, 6, 7])?)?;
    let gradients = (Conv3x3::forward(&input, &weight)? * &grad)?.sum_all()?.backward()?;
    let grad_weight = Conv3x3::weight_gradient(&input, &weight, &grad)?;
    let (got_input, got_weight) = (gradients.get(&input).unwrap(), gradients.get(&weight).unwrap());
    assert_eq!(flat(got_input)?, flat(&Conv3x3::input_gradient(&weight, &grad)?)?);
    assert_eq!(flat(got_weight)?, flat(&grad_weight)?);

    let gradients = (Conv3x3::forward(&input.as_detached_tensor(), &weight)? * &grad)?.sum_all()?.backward()?;
    assert_eq!(flat(gradients.get(&weight).unwrap())?, flat(&grad_weight)?);
    Ok(())
}

#[test]
fn unfit_arguments_are_errors_that_name_what_was_got() -> Result<()> {
    let (input, weight, grad) = variables(&Case::draw([2, 9, 8, 3, 4])?)?;
    let message = |result: Result<Tensor>| result.expect_err("an unfit argument").to_string();
    let narrow = weight.narrow(1, 0, 8)?;
    assert!(message(Conv3x3::forward(&input, &narrow.contiguous()?)).contains("input: got shape [2, 2, 3, 4, 8]"));
    assert!(message(Conv3x3::forward(&input.narrow(1, 0, 1)?, &narrow)).contains("input: got strides"));
    assert!(message(Conv3x3::forward(&input.to_dtype(DType::F64)?, &weight)).contains("expected F32"));
    assert!(message(Conv3x3::forward(&input, &weight.narrow(2, 0, 2)?)).contains("weight: got shape"));
    let short = grad.narrow(0, 0, 1)?;
    assert!(message(Conv3x3::weight_gradient(&input, &weight, &short)).contains("output gradient: got"));
    Ok(())
}
