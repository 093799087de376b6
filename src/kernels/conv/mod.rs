//! 3×3 convolution of grouped activations in f32 on one thread.
//!
//! Forward and input gradient are one kernel (`image.rs`): the input gradient is the convolution of the output's
//! gradient with the weights transposed and flipped. The weight gradient is the other (`weight_gradient.rs`). Both are
//! direct (no im2col); large layers are convolved with fewer multiplications instead (`winograd/`).

mod image;
mod pack;
#[cfg(test)]
mod tests;
mod weight_gradient;
mod winograd;

use candle_core::{CpuStorage, CustomOp2, Device, Layout, Result, Shape, Tensor, bail};

use self::pack::Weights;
use super::lanes::LANES;
use super::layout::{groups, values, with_values};

/// 3×3 convolution with stride 1 and zero padding 1, without bias, of grouped activations
/// (see [`layout`](super::layout)).
///
/// As a [`CustomOp2`] its arguments are input (n, ⌈c_in / 8⌉, h, w, 8) and weight (c_out, c_in, 3, 3), its result
/// (n, ⌈c_out / 8⌉, h, w, 8). Lanes without a channel are not used in the input and hold zero in the result.
pub struct Conv3x3;

impl Conv3x3 {
    /// The convolution of `input` (n, ⌈c_in / 8⌉, h, w, 8) with `weight` (c_out, c_in, 3, 3):
    /// (n, ⌈c_out / 8⌉, h, w, 8). Differentiable.
    ///
    /// # Errors
    /// If an argument is not contiguous f32 on the CPU, or the shapes do not fit.
    pub fn forward(input: &Tensor, weight: &Tensor) -> Result<Tensor> {
        input.apply_op2(weight, Conv3x3)
    }

    /// The gradient of the input (n, ⌈c_in / 8⌉, h, w, 8) from `grad_output` (n, ⌈c_out / 8⌉, h, w, 8). Needs no graph and
    /// makes none.
    ///
    /// # Errors
    /// As for [`forward`](Self::forward).
    pub fn input_gradient(weight: &Tensor, grad_output: &Tensor) -> Result<Tensor> {
        let (out_channels, in_channels) = weight_channels(weight.layout())?;
        let size = Size::of("output gradient", grad_output.layout(), out_channels)?;
        with_values([("conv3x3 output gradient", grad_output), ("conv3x3 weight", weight)], |[grad, weight]| {
            let grad_input = convolve(size, grad, Weights::transposed(weight, in_channels, out_channels));
            Tensor::from_vec(grad_input, size.shape(in_channels), &Device::Cpu)
        })
    }

    /// The gradient of the weight (c_out, c_in, 3, 3) likewise. Of `weight` only the shape counts.
    ///
    /// # Errors
    /// As for [`forward`](Self::forward).
    pub fn weight_gradient(input: &Tensor, weight: &Tensor, grad_output: &Tensor) -> Result<Tensor> {
        let (out_channels, in_channels) = weight_channels(weight.layout())?;
        let size = Size::of("input", input.layout(), in_channels)?;
        let grad_size = Size::of("output gradient", grad_output.layout(), out_channels)?;
        if size != grad_size {
            bail!("conv3x3 output gradient: got {grad_size:?}, expected the input's {size:?}")
        }
        let pays = winograd::pays(size, in_channels, out_channels);
        let weight_gradient = if pays { winograd::weight_gradient } else { weight_gradient::weight_gradient };
        with_values([("conv3x3 input", input), ("conv3x3 output gradient", grad_output)], |[input, grad]| {
            let grad_weight = weight_gradient(size, in_channels, out_channels, input, grad);
            Tensor::from_vec(grad_weight, (out_channels, in_channels, 3, 3), &Device::Cpu)
        })
    }
}

impl CustomOp2 for Conv3x3 {
    fn name(&self) -> &'static str {
        "conv3x3"
    }

    fn cpu_fwd(
        &self,
        input: &CpuStorage,
        input_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (out_channels, in_channels) = weight_channels(weight_layout)?;
        let size = Size::of("input", input_layout, in_channels)?;
        let input = values("conv3x3 input", input, input_layout)?;
        let weight = values("conv3x3 weight", weight, weight_layout)?;
        let output = convolve(size, input, Weights::forward(weight, in_channels, out_channels));
        Ok((CpuStorage::F32(output), size.shape(out_channels)))
    }

    fn bwd(
        &self,
        input: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let grad_input = input.track_op().then(|| Self::input_gradient(weight, &grad)).transpose()?;
        let grad_weight = weight.track_op().then(|| Self::weight_gradient(input, weight, &grad)).transpose()?;
        Ok((grad_input, grad_weight))
    }
}

/// The convolution by whichever kernel the layer's size asks for.
fn convolve(size: Size, input: &[f32], weights: Weights) -> Vec<f32> {
    let pays = winograd::pays(size, weights.in_channels(), weights.out_channels());
    let convolve = if pays { winograd::convolve } else { image::convolve };
    convolve(size, input, weights)
}

/// (c_out, c_in) of a weight (c_out, c_in, 3, 3).
fn weight_channels(layout: &Layout) -> Result<(usize, usize)> {
    match *layout.dims() {
        [out_channels, in_channels, 3, 3] if out_channels > 0 && in_channels > 0 => Ok((out_channels, in_channels)),
        _ => bail!("conv3x3 weight: got shape {:?}, expected (c_out, c_in, 3, 3)", layout.shape()),
    }
}

/// The extents that a convolution's input and output share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size {
    images: usize,
    height: usize,
    width: usize,
}

impl Size {
    /// Of a grouped activation of `channels` channels.
    fn of(name: &str, layout: &Layout, channels: usize) -> Result<Self> {
        match *layout.dims() {
            [images, g, height, width, LANES] if g == groups(channels) => Ok(Self { images, height, width }),
            _ => bail!(
                "conv3x3 {name}: got shape {:?}, expected (n, {}, h, w, {LANES}) for {channels} channels",
                layout.shape(),
                groups(channels),
            ),
        }
    }

    fn shape(self, channels: usize) -> Shape {
        Shape::from((self.images, groups(channels), self.height, self.width, LANES))
    }

    /// Floats of one image of `channels` channels.
    fn image_len(self, channels: usize) -> usize {
        groups(channels) * self.height * self.width * LANES
    }

    /// The kernel rows (0..3) that meet the image at its row `y`.
    fn kernel_rows(self, y: usize) -> std::ops::Range<usize> {
        usize::from(y == 0)..(self.height + 1 - y).min(3)
    }
}
