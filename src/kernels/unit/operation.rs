//! A unit as an operation of Candle's graph.

use std::sync::{Arc, OnceLock};

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

use super::super::isa;
use super::super::layout::values;
use super::{Arguments, Statistics, Unit};

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

    fn forward(&self, arguments: Result<Arguments>) -> Result<(CpuStorage, Shape)> {
        let (z, shape, statistics) = self.unit.forward_values(isa::current(), &arguments?)?;
        self.statistics.set(Arc::new(statistics)).expect("an operation runs once");
        Ok((CpuStorage::F32(z), shape))
    }

    fn backward(
        &self,
        y: &Tensor,
        gamma: Option<&Tensor>,
        beta: &Tensor,
        grad: &Tensor,
    ) -> Result<(Tensor, Option<Tensor>, Tensor)> {
        let statistics = self.statistics.get().expect("the forward pass ran first");
        self.unit.backward(y, gamma, beta, statistics, &grad.contiguous()?)
    }
}

impl CustomOp2 for Operation {
    fn name(&self) -> &'static str {
        "unit"
    }

    fn cpu_fwd(&self, y: &CpuStorage, yl: &Layout, beta: &CpuStorage, bl: &Layout) -> Result<(CpuStorage, Shape)> {
        let (y, beta) = (values("input", y, yl)?, values("beta", beta, bl)?);
        self.forward(Arguments::new(y, yl.shape(), None, beta))
    }

    fn bwd(&self, y: &Tensor, beta: &Tensor, _: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (grad_y, _, grad_beta) = self.backward(y, None, beta, grad)?;
        Ok((Some(grad_y), Some(grad_beta)))
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
        self.forward(Arguments::new(y, yl.shape(), Some(gamma), beta))
    }

    fn bwd(
        &self,
        y: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (grad_y, grad_gamma, grad_beta) = self.backward(y, Some(gamma), beta, grad)?;
        Ok((Some(grad_y), grad_gamma, Some(grad_beta)))
    }
}
