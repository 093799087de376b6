//! A unit as an operation of Candle's graph.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use super::forward::forward;
use super::{Arguments, Statistics, Unit};
use crate::kernels::layout::values;
use crate::kernels::layout::written;

/// One forward pass in a graph, with the statistics that its arguments gave.
pub(super) struct Operation {
    pub unit: Unit,
    pub statistics: Statistics,
}

impl CustomOp3 for Operation {
    fn name(&self) -> &'static str {
        "unit"
    }

    fn cpu_fwd(
        &self,
        y: &CpuStorage,
        yl: &Layout,
        gamma: &CpuStorage,
        gl: &Layout,
        beta: &CpuStorage,
        bl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let gamma = values("gamma", gamma, gl)?;
        let (y, beta) = (values("input", y, yl)?, values("beta", beta, bl)?);
        let arguments = Arguments::new(y, yl.shape(), gamma, beta)?;
        let output = self.unit.output(arguments.shape)?;
        let input = self.unit.input(&arguments, &self.statistics)?;
        // SAFETY: `forward` writes every pixel of its output.
        let z = unsafe { written(output.pixels(), |z| forward(&input, self.unit.pool, z)) };
        Ok((CpuStorage::F32(z), output.shape()))
    }

    fn bwd(
        &self,
        y: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (grad_y, grad_gamma, grad_beta) =
            self.unit.backward(y, Some(gamma), beta, &self.statistics, &grad.contiguous()?)?;
        Ok((Some(grad_y), grad_gamma, Some(grad_beta)))
    }
}
