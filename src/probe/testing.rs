//! A step of a small network, for tests of probes that need one.

use candle_core::{DType, Device, Tensor};

use super::StepContext;
use crate::nn::{At, Implementation, Mode, Network, NoiseKey, Params, StatisticsMode, StepResult, from_stages};
use crate::record::Record;
use crate::rng;
use crate::spec::{Loss, Noise, Norm, Spec, Train, Vgg16};
use rand_distr::{Distribution, StandardNormal};

/// A network of two stages with BatchNorm and noise, a minibatch of it, and the step's own result.
pub struct Step {
    pub spec: Spec,
    pub network: Network,
    pub params: Params,
    pub optimizer: Params,
    pub buffers: Params,
    pub result: StepResult,
    input: Tensor,
    labels: Tensor,
    mode: Mode,
}

impl Step {
    pub fn new(weight_decay: f64) -> Self {
        Self::on(Implementation::Fast, DType::F32, weight_decay)
    }

    pub fn on(implementation: Implementation, dtype: DType, weight_decay: f64) -> Self {
        let noise = Some(Noise::default());
        let model = Vgg16 { norm: Some(Norm::BATCH), noise, ..Vgg16::default() };
        let train = Train { weight_decay, steps: 10, ..Train::default() };
        let spec = Spec { train, ..Spec::default() };
        let blocks = from_stages(&[vec![8, 8], vec![16]], &model, implementation, &[1, 8, 8], 10);
        let network = Network::new(blocks, model.init, Loss::CrossEntropy);
        let (params, buffers) = network.init(3, dtype, &Device::Cpu).unwrap();
        let mut stream = rng::stream(3, "test", "images", 0);
        let images: Vec<f64> = StandardNormal.sample_iter(&mut stream).take(16 * 64).collect();
        let images = Tensor::from_vec(images, (16, 1, 8, 8), &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
        let input = network.enter(&images).unwrap();
        let labels = Tensor::from_iter((0..16u32).map(|n| n % 10), &Device::Cpu).unwrap();
        let noise = Some(NoiseKey { seed: 3, purpose: "noise", step: 0 });
        let mode = Mode { statistics: StatisticsMode::Batch, noise };
        let result =
            network.loss_and_gradients(At { params: &params, buffers: &buffers, mode }, &input, &labels).unwrap();
        Step { spec, network, params, optimizer: Params::default(), buffers, result, input, labels, mode }
    }

    pub fn context(&self) -> StepContext<'_> {
        StepContext {
            step: 0,
            spec: &self.spec,
            seed: 3,
            network: &self.network,
            params: &self.params,
            optimizer: &self.optimizer,
            buffers: &self.buffers,
            input: &self.input,
            labels: &self.labels,
            mode: self.mode,
            result: &self.result,
        }
    }
}

/// The value recorded under `name` at `layer`.
pub fn value(records: &[Record], name: &str, layer: Option<usize>) -> f64 {
    let found = records.iter().find(|record| record.name == name && record.layer == layer);
    found.unwrap_or_else(|| panic!("no `{name}` at {layer:?}")).value
}
