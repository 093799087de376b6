//! A network as an ordered list of blocks: forward, and loss with gradients.

use std::ops::Range;

use candle_core::{DType, Result, Tensor, Var, bail};

use super::block::{ConvBlock, ConvPass};
use super::deep_linear::{DeepLinearBlock, DeepLinearPass};
use super::feature_maps::{FeatureMaps, to_layout_of};
use super::linear::{LinearBlock, LinearPass};
use super::loss::{correct, loss_and_gradient, loss_of};
use super::mode::{Mode, Path};
use super::params::{LayerParameters, Params};
use crate::spec::{DeepLinear, Init, Loss, Vgg16};

/// One block.
#[derive(Clone, Debug)]
pub enum Block {
    /// A convolution and what follows it.
    Conv(ConvBlock),
    /// A fully connected layer.
    Linear(LinearBlock),
    /// A layer of a deep linear network.
    DeepLinear(DeepLinearBlock),
}

impl Block {
    /// The names of its parameters.
    pub fn parameters(&self) -> LayerParameters {
        match self {
            Block::Conv(conv) => conv.parameters(),
            Block::Linear(linear) => linear.parameters(),
            Block::DeepLinear(linear) => linear.parameters(),
        }
    }
}

/// What a pass through a block keeps.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all blocks are convolutions: a box would save nothing")]
pub enum BlockPass {
    /// Through a convolution's block.
    Conv(ConvPass),
    /// Through a fully connected layer.
    Linear(LinearPass),
    /// Through a layer of a deep linear network.
    DeepLinear(DeepLinearPass),
}

/// An architecture, without its parameters: those are values ([`Params`]) that are handed in.
#[derive(Clone, Debug)]
pub struct Network {
    blocks: Vec<Block>,
    path: Path,
    init: Init,
    loss: Loss,
}

/// Loss and gradients of one minibatch.
#[derive(Clone, Debug)]
pub struct StepResult {
    /// What is minimised: mean cross-entropy in nats, or half the sum of squared errors.
    pub loss: f64,
    /// Training accuracy on the minibatch, in percent, with the pass's own noise; `None` where there are no classes.
    pub accuracy: Option<f64>,
    /// One for each parameter.
    pub gradients: Params,
    /// The running statistics after this batch.
    pub buffers: Params,
    /// What the pass kept, block by block.
    pub passes: Vec<BlockPass>,
}

/// VGG-16's channels, stage by stage (Simonyan & Zisserman 2015, table 1, column D).
const VGG16: [&[usize]; 5] = [&[64, 64], &[128, 128], &[256, 256, 256], &[512, 512, 512], &[512, 512, 512]];

impl Network {
    /// The VGG-16 of `model` for images of `channels` channels and `side` × `side` pixels.
    pub fn new(model: &Vgg16, path: Path, channels: usize, side: usize, classes: usize) -> Self {
        let stages = VGG16.map(|stage| stage.iter().map(|width| width / model.width_divisor).collect());
        Self::from_stages(&stages, model, path, channels, side, classes)
    }

    /// Convolutions of the widths in `stages`, with pooling after each stage, then the fully connected layers.
    /// Of `model`, what follows a convolution, the head and the initialisation count.
    pub fn from_stages(
        stages: &[Vec<usize>],
        model: &Vgg16,
        path: Path,
        channels: usize,
        side: usize,
        classes: usize,
    ) -> Self {
        let (mut blocks, mut channels) = (Vec::new(), channels);
        let convolutions = stages.iter().map(Vec::len).sum();
        for stage in stages {
            for (index, &out_channels) in stage.iter().enumerate() {
                let layer = blocks.len() + 1;
                let (norm, noise) = (model.norm, model.noise.in_layer(layer, convolutions));
                let pool = index + 1 == stage.len();
                blocks.push(Block::Conv(ConvBlock { layer, in_channels: channels, out_channels, norm, noise, pool }));
                channels = out_channels;
            }
        }
        let side = side >> stages.len();
        let mut inputs = channels * side * side;
        for (index, &outputs) in model.head.iter().chain([&classes]).enumerate() {
            let (layer, last) = (index + 1, index == model.head.len());
            blocks.push(Block::Linear(LinearBlock { layer, inputs, outputs, last }));
            inputs = outputs;
        }
        Network { blocks, path, init: model.init, loss: Loss::CrossEntropy }
    }

    /// The deep linear network of `model`, from vectors of `inputs` numbers to vectors of `outputs`.
    pub fn deep_linear(model: &DeepLinear, path: Path, inputs: usize, outputs: usize) -> Self {
        let (depth, width) = (model.depth, model.width);
        let block = |layer: usize| {
            let (first, last) = (layer == 1, layer == depth);
            Block::DeepLinear(DeepLinearBlock {
                layer,
                inputs: if first { inputs } else { width },
                outputs: if last { outputs } else { width },
                norm: if last { None } else { model.norm },
                last,
            })
        };
        let blocks = (1..=depth).map(block).collect();
        Network { blocks, path, init: model.init, loss: Loss::HalfSquaredErrorSum }
    }

    /// Its blocks, in order.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The implementation that it runs on.
    pub fn path(&self) -> Path {
        self.path
    }

    /// The convolution's block of `layer`, counted from 1.
    ///
    /// # Errors
    /// If there is none.
    pub fn conv_block(&self, layer: usize) -> Result<&ConvBlock> {
        match layer.checked_sub(1).and_then(|index| self.blocks.get(index)) {
            Some(Block::Conv(block)) => Ok(block),
            _ => bail!("the network has no convolution {layer}"),
        }
    }

    /// Initial parameters from the streams of `seed`, and initial running statistics.
    ///
    /// # Errors
    /// If a tensor cannot be made.
    pub fn init(&self, seed: u64, dtype: DType) -> Result<(Params, Params)> {
        let (mut params, mut buffers) = (Params::default(), Params::default());
        for block in &self.blocks {
            match block {
                Block::Conv(conv) => {
                    conv.init(&mut params, self.init, seed, dtype)?;
                    conv.init_buffers(&mut buffers, dtype)?;
                }
                Block::Linear(linear) => linear.init(&mut params, self.init, seed, dtype)?,
                Block::DeepLinear(linear) => {
                    linear.init(&mut params, self.init, seed, dtype)?;
                    linear.init_buffers(&mut buffers, dtype)?;
                }
            }
        }
        Ok((params, buffers))
    }

    /// Images (n, c, h, w), or vectors (n, inputs), in the layout that [`forward`](Network::forward) takes.
    ///
    /// # Errors
    /// If they have other dimensions.
    pub fn enter(&self, examples: &Tensor) -> Result<Tensor> {
        match (self.blocks.first(), self.path) {
            (Some(Block::DeepLinear(_)), Path::Fast) => examples.t()?.contiguous(),
            (Some(Block::DeepLinear(_)), Path::Plain) => Ok(examples.clone()),
            _ => to_layout_of(self.path, examples),
        }
    }

    /// The logits (n, classes), or the network's other output (n, outputs), of `input`, which is in the path's layout.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn forward(&self, params: &Params, buffers: &Params, mode: Mode, input: &Tensor) -> Result<Tensor> {
        Ok(self.forward_range(0..self.blocks.len(), params, buffers, mode, input)?.0)
    }

    /// The output of the blocks in `range`, and what each kept.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn forward_range(
        &self,
        range: Range<usize>,
        params: &Params,
        buffers: &Params,
        mode: Mode,
        input: &Tensor,
    ) -> Result<(Tensor, Vec<BlockPass>)> {
        let mut x = input.clone();
        let mut passes = Vec::with_capacity(range.len());
        for index in range {
            let (output, pass) = match &self.blocks[index] {
                Block::Conv(conv) => {
                    let y = conv.convolution(self.path, params, &x)?;
                    let after = conv.after_convolution(self.path, params, buffers, mode, &y)?;
                    (after.output.clone(), BlockPass::Conv(ConvPass { input: x, y, after }))
                }
                Block::Linear(linear) => {
                    let flat = self.flatten(index, &x)?;
                    let output = linear.forward(self.path, params, &flat)?;
                    (output.clone(), BlockPass::Linear(LinearPass { input: flat, output }))
                }
                Block::DeepLinear(linear) => {
                    let pass = linear.forward(self.path, params, buffers, mode.statistics, &x)?;
                    (pass.output.clone(), BlockPass::DeepLinear(pass))
                }
            };
            passes.push(pass);
            x = output;
        }
        Ok((x, passes))
    }

    /// The input of the fully connected block `index` as (n, inputs), in PyTorch's order (c, h, w).
    fn flatten(&self, index: usize, x: &Tensor) -> Result<Tensor> {
        match index.checked_sub(1).map(|before| &self.blocks[before]) {
            Some(Block::Conv(conv)) => {
                let maps = FeatureMaps::new(x.clone(), conv.out_channels, self.path);
                maps.nchw()?.flatten_from(1)?.contiguous()
            }
            _ => Ok(x.clone()),
        }
    }

    /// Loss, accuracy, gradients and new running statistics of one minibatch, whose images are in the path's layout.
    ///
    /// On the fast path a walk over the blocks in reverse, on the plain path Candle's autograd.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn loss_and_gradients(
        &self,
        params: &Params,
        buffers: &Params,
        mode: Mode,
        input: &Tensor,
        labels: &Tensor,
    ) -> Result<StepResult> {
        match self.path {
            Path::Plain => self.by_autograd(params, buffers, mode, input, labels),
            Path::Fast => {
                let (logits, passes) = self.forward_range(0..self.blocks.len(), params, buffers, mode, input)?;
                let (loss, grad_logits) = loss_and_gradient(self.loss, &logits, labels)?;
                let gradients = self.walk_back(params, &passes, grad_logits)?;
                self.result(loss, &logits, labels, gradients, buffers, passes)
            }
        }
    }

    /// [`loss_and_gradients`](Network::loss_and_gradients) by Candle's `backward()` through the whole graph, on
    /// either path; for a deep linear network on the plain one, as its fast one makes no graph.
    ///
    /// # Errors
    /// If shapes do not fit, or a parameter has no gradient.
    pub fn by_autograd(
        &self,
        params: &Params,
        buffers: &Params,
        mode: Mode,
        input: &Tensor,
        labels: &Tensor,
    ) -> Result<StepResult> {
        let tracked = params.tracked()?;
        let (logits, passes) = self.forward_range(0..self.blocks.len(), &tracked, buffers, mode, input)?;
        let loss = loss_of(self.loss, &logits, labels)?;
        let store = loss.backward()?;
        let gradients = tracked.map(|name, parameter| match store.get(parameter) {
            Some(gradient) => Ok(gradient.clone()),
            None => bail!("`{name}` has no gradient"),
        })?;
        self.result(loss.to_dtype(DType::F64)?.to_scalar()?, &logits, labels, gradients, buffers, passes)
    }

    /// ∂L/∂z of the loss as a function of z alone, what the normalisation of the convolution of `layer` made, γŷ + β, in
    /// the path's layout: noise, ReLU, pooling and all later blocks follow as in a pass in `mode`, by Candle's autograd.
    ///
    /// # Errors
    /// If shapes do not fit, or `layer` is no convolution or has noise before its normalisation.
    pub fn gradient_after_norm(
        &self,
        layer: usize,
        params: &Params,
        buffers: &Params,
        mode: Mode,
        z: &Tensor,
        labels: &Tensor,
    ) -> Result<Tensor> {
        let rest = ConvBlock { norm: None, ..self.conv_block(layer)?.clone() };
        if rest.has_noise_before_norm() {
            bail!("layer {layer} has its noise before its normalisation")
        }
        let z = Var::from_tensor(z)?;
        let mut no_bias = Params::default();
        rest.init_bias(&mut no_bias, z.dtype())?;
        let output = rest.after_convolution(self.path, &no_bias, buffers, mode, &z)?.output;
        let (logits, _) = self.forward_range(layer..self.blocks.len(), params, buffers, mode, &output)?;
        match loss_of(self.loss, &logits, labels)?.backward()?.remove(&z) {
            Some(gradient) => Ok(gradient),
            None => bail!("the loss does not depend on layer {layer}"),
        }
    }

    fn walk_back(&self, params: &Params, passes: &[BlockPass], grad_logits: Tensor) -> Result<Params> {
        let mut gradients = Params::default();
        let mut grad = grad_logits;
        for (index, (block, pass)) in self.blocks.iter().zip(passes).enumerate().rev() {
            let before = match (block, pass) {
                (Block::Conv(conv), BlockPass::Conv(pass)) => {
                    conv.backward(params, pass, &grad, index > 0, &mut gradients)?
                }
                (Block::Linear(linear), BlockPass::Linear(pass)) => {
                    let flat = linear.backward(params, pass, &grad, &mut gradients)?;
                    Some(self.unflatten(index, passes, flat)?)
                }
                (Block::DeepLinear(linear), BlockPass::DeepLinear(pass)) => {
                    Some(linear.backward(params, pass, &grad, &mut gradients)?)
                }
                _ => bail!("block {index}: the pass is not through this block"),
            };
            match before {
                Some(before) => grad = before,
                None => break,
            }
        }
        Ok(gradients)
    }

    /// The gradient of what [`flatten`](Network::flatten) took, from that of its result.
    fn unflatten(&self, index: usize, passes: &[BlockPass], flat: Tensor) -> Result<Tensor> {
        match index.checked_sub(1).map(|before| (&self.blocks[before], &passes[before])) {
            Some((Block::Conv(conv), BlockPass::Conv(pass))) => {
                let (n, _, h, w, _) = pass.after.output.dims5()?;
                to_layout_of(self.path, &flat.reshape((n, conv.out_channels, h, w))?)
            }
            _ => Ok(flat),
        }
    }

    fn result(
        &self,
        loss: f64,
        logits: &Tensor,
        labels: &Tensor,
        gradients: Params,
        buffers: &Params,
        passes: Vec<BlockPass>,
    ) -> Result<StepResult> {
        let mut buffers = buffers.clone();
        for (block, pass) in self.blocks.iter().zip(&passes) {
            match (block, pass) {
                (Block::Conv(conv), BlockPass::Conv(ConvPass { after, .. })) => {
                    after.moments.iter().try_for_each(|moments| conv.update_running(&mut buffers, moments))?;
                }
                (Block::DeepLinear(linear), BlockPass::DeepLinear(pass)) => {
                    pass.moments.iter().try_for_each(|moments| linear.update_running(&mut buffers, moments))?;
                }
                _ => {}
            }
        }
        let accuracy = match self.loss {
            Loss::CrossEntropy => Some(100.0 * correct(logits, labels)? as f64 / labels.elem_count() as f64),
            Loss::HalfSquaredErrorSum => None,
        };
        Ok(StepResult { loss, accuracy, gradients, buffers, passes })
    }
}

impl StepResult {
    /// What the pass through the convolution of `layer`, counted from 1, kept.
    ///
    /// # Errors
    /// If there is none.
    pub fn conv_pass(&self, layer: usize) -> Result<&ConvPass> {
        match layer.checked_sub(1).and_then(|index| self.passes.get(index)) {
            Some(BlockPass::Conv(pass)) => Ok(pass),
            _ => bail!("the pass went through no convolution {layer}"),
        }
    }

    /// What the pass through the layer of a deep linear network, counted from 1, kept.
    ///
    /// # Errors
    /// If there is none.
    pub fn deep_linear_pass(&self, layer: usize) -> Result<&DeepLinearPass> {
        match layer.checked_sub(1).and_then(|index| self.passes.get(index)) {
            Some(BlockPass::DeepLinear(pass)) => Ok(pass),
            _ => bail!("the pass went through no layer {layer} of a deep linear network"),
        }
    }
}
