//! The parts that the step benches share: networks and arms by name, and a training under way.

use anyhow::{Result, bail, ensure};
use candle_core::{DType, Device, Tensor};
use rand_distr::{Distribution, StandardNormal, Uniform};
use whybn::nn::{self, At, Implementation, Mode, Network, NoiseKey, Params, StatisticsMode, from_stages};
use whybn::optimizer;
use whybn::rng;
use whybn::spec::{Loss, Model, Noise, Norm, Train, Vgg16};

const SEED: u64 = 1;
const CLASSES: usize = 10;
const BATCH: usize = 128;

/// Training steps on one fixed minibatch of random 32×32 images of three channels.
pub struct Training {
    network: Network,
    train: Train,
    images: Tensor,
    labels: Tensor,
    /// The parameters of the network, as learnt so far.
    pub params: Params,
    buffers: Params,
    step: u64,
}

impl Training {
    /// A network of [`network`], in an arm of [`model`], with the default specification's batch and learning rate.
    pub fn new(network_name: &str, arm: &str) -> Result<Self> {
        let train = Train::default();
        let network = network(network_name, &model(arm)?)?;
        let (params, buffers) = network.init(SEED, DType::F32, &Device::Cpu)?;
        let (images, labels) = minibatch(BATCH)?;
        Ok(Training { network, train, images, labels, params, buffers, step: 0 })
    }

    /// Brings the images to the kernels' layout; forward, loss, backward, update.
    pub fn step(&mut self) -> Result<()> {
        let key = NoiseKey { seed: SEED, purpose: "noise", step: self.step };
        let mode = Mode { statistics: StatisticsMode::Batch, noise: Some(key) };
        let input = self.network.enter(&self.images)?;
        let at = At { params: &self.params, buffers: &self.buffers, mode };
        let result = self.network.loss_and_gradients(at, &input, &self.labels)?;
        ensure!(result.loss.is_finite(), "step {}: the loss is {}", self.step, result.loss);
        (self.params, _) = optimizer::step(&self.train, &Params::default(), &self.params, &result.gradients)?;
        self.buffers = result.buffers;
        self.step += 1;
        Ok(())
    }
}

/// `vgg16/D`: VGG-16 at 1/D of its width. `wN`: ten convolutions of N to 4N channels.
fn network(name: &str, model: &Vgg16) -> Result<Network> {
    let implementation = Implementation::Fast;
    if let Some(divisor) = name.strip_prefix("vgg16/") {
        let model = Model::Vgg16(Vgg16 { width_divisor: divisor.parse()?, ..model.clone() });
        Ok(nn::network(&model, Loss::CrossEntropy, implementation, &[3, 32, 32], CLASSES))
    } else if let Some(width) = name.strip_prefix("w") {
        let width: usize = width.parse()?;
        let stages = [1, 2, 4, 4, 4].map(|factor| vec![factor * width; 2]);
        let blocks = from_stages(&stages, model, implementation, &[3, 32, 32], CLASSES);
        Ok(Network::new(blocks, model.init, Loss::CrossEntropy))
    } else {
        bail!("`{name}` is no network; expected `vgg16/8` or `w16`, or the like")
    }
}

fn model(arm: &str) -> Result<Vgg16> {
    let algorithm_1 = Some(Noise::default());
    let (norm, noise) = match arm {
        "standard" => (None, None),
        "batch_norm" => (Some(Norm::BATCH), None),
        "noisy_batch_norm" => (Some(Norm::BATCH), algorithm_1),
        _ => bail!("`{arm}` is no arm; expected `standard`, `batch_norm` or `noisy_batch_norm`"),
    };
    Ok(Vgg16 { norm, noise, ..Vgg16::default() })
}

fn minibatch(n: usize) -> Result<(Tensor, Tensor)> {
    let mut stream = rng::stream(SEED, "bench", "minibatch", 0);
    let pixels: Vec<f32> = StandardNormal.sample_iter(&mut stream).take(n * 3 * 32 * 32).collect();
    let labels: Vec<u32> = Uniform::new(0, CLASSES as u32)?.sample_iter(&mut stream).take(n).collect();
    Ok((Tensor::from_vec(pixels, (n, 3, 32, 32), &Device::Cpu)?, Tensor::from_vec(labels, n, &Device::Cpu)?))
}
