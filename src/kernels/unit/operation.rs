//! A unit as an operation of Candle's graph.

use std::sync::{Arc, OnceLock};

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use super::{Arguments, Statistics, Unit};
use crate::kernels::layout::values;

/// One forward pass in a graph. It keeps its own statistics, so a second pass does not disturb its backward.
pub(super) struct Operation {
    unit: Unit,
    statistics: Arc<OnceLock<Arc<Statistics>>>,
}

impl Operation {
    /// The forward pass will set `statistics`.
    pub fn new(unit: Unit, statistics: Arc<OnceLock<Arc<Statistics>>>) -> Self {
        Operation { unit, statistics }
    }
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
        let arguments = Arguments::new(y, yl.shape(), Some(gamma), beta)?;
        let (z, shape, statistics) = self.unit.forward_values(&arguments)?;
        self.statistics.set(Arc::new(statistics)).expect("an operation runs once");
        Ok((CpuStorage::F32(z), shape))
    }

    fn bwd(
        &self,
        y: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let statistics = self.statistics.get().expect("the forward pass ran first");
        let (grad_y, grad_gamma, grad_beta) =
            self.unit.backward(y, Some(gamma), beta, statistics, &grad.contiguous()?)?;
        Ok((Some(grad_y), grad_gamma, Some(grad_beta)))
    }
}
