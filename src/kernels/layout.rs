//! The kernels' layout of activations, and the checks at their door.
//!
//! A *grouped* activation is a contiguous tensor of shape (n, ⌈c / 8⌉, h, w, 8): channel c is lane c mod 8 of
//! group ⌊c / 8⌋, so that one vector register holds eight channels of one pixel. Lanes without a channel hold zero.

use candle_core::{CpuStorage, Layout, Result, Tensor, bail};

use super::lanes::LANES;

/// The number of groups that hold `channels` channels.
pub const fn groups(channels: usize) -> usize {
    channels.div_ceil(LANES)
}

/// Brings activations (n, c, h, w) to the grouped layout (n, ⌈c / 8⌉, h, w, 8). Differentiable; any dtype and device.
pub fn to_grouped(nchw: &Tensor) -> Result<Tensor> {
    let (n, c, h, w) = nchw.dims4()?;
    let groups = groups(c);
    nchw.pad_with_zeros(1, 0, groups * LANES - c)?
        .reshape((n, groups, LANES, h, w))?
        .permute((0, 1, 3, 4, 2))?
        .contiguous()
}

/// Brings grouped activations (n, ⌈c / 8⌉, h, w, 8) back to (n, c, h, w). Differentiable; any dtype and device.
///
/// # Errors
/// If `grouped` does not have the groups that `channels` channels fill.
pub fn from_grouped(grouped: &Tensor, channels: usize) -> Result<Tensor> {
    let (n, groups, h, w, lanes) = grouped.dims5()?;
    if lanes != LANES || groups != self::groups(channels) {
        bail!("from_grouped: got shape {:?}, expected {channels} channels in groups of {LANES}", grouped.shape())
    }
    grouped.permute((0, 1, 4, 2, 3))?.reshape((n, groups * LANES, h, w))?.narrow(1, 0, channels)?.contiguous()
}

/// The values of a kernel's argument, which has to be contiguous and f32; `name` is for the error.
pub(super) fn values<'a>(name: &str, storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        bail!("{name}: got strides {:?} of shape {:?}, expected a contiguous tensor", layout.stride(), layout.shape())
    };
    match storage {
        CpuStorage::F32(values) => Ok(&values[start..end]),
        other => bail!("{name}: got dtype {:?}, expected F32", candle_core::backend::BackendStorage::dtype(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device, Var};

    #[test]
    fn a_channel_lies_in_its_lane_and_comes_back() -> Result<()> {
        let (n, c, h, w) = (2, 11, 3, 2);
        let nchw = Tensor::arange(1f64, (n * c * h * w + 1) as f64, &Device::Cpu)?.reshape((n, c, h, w))?;
        let grouped = to_grouped(&nchw)?;
        assert_eq!(grouped.dims(), [n, 2, h, w, LANES]);
        assert!(grouped.is_contiguous());
        let pick = |t: &Tensor, index: &[usize]| -> Result<f64> {
            index.iter().try_fold(t.clone(), |t, &i| t.get(i))?.to_scalar()
        };
        assert_eq!(pick(&grouped, &[1, 1, 2, 0, 2])?, pick(&nchw, &[1, 10, 2, 0])?);
        assert_eq!(pick(&grouped, &[1, 1, 2, 0, 3])?, 0.0);
        let back = from_grouped(&grouped, c)?;
        assert_eq!(back.flatten_all()?.to_vec1::<f64>()?, nchw.flatten_all()?.to_vec1::<f64>()?);
        assert!(from_grouped(&grouped, 8).is_err());
        Ok(())
    }

    #[test]
    fn gradients_pass_through_both_ways() -> Result<()> {
        let x = Var::ones((2, 5, 2, 3), DType::F32, &Device::Cpu)?;
        let y = from_grouped(&to_grouped(&x)?.affine(3.0, 0.0)?, 5)?;
        let gradients = y.sqr()?.sum_all()?.backward()?;
        let gradient = gradients.get(&x).expect("x is a variable").flatten_all()?.to_vec1::<f32>()?;
        assert_eq!(gradient, vec![18.0; 60]);
        Ok(())
    }
}
