//! A network as an ordered list of blocks: forward, and loss with gradients.

use candle_core::{DType, Device, Result, Tensor, Var, bail};

use super::block::{At, Block, Blocks, Kind, Parameter, Pass, layers};
use super::convolution::ConvLayer;
use super::epilogue::Epilogue;
use super::init;
use super::loss::{correct, loss_and_gradient, loss_of};
use super::params::Params;
use crate::spec::{Init, Loss};

/// An architecture, without its parameters: those are values ([`Params`]) that are handed in.
#[derive(Debug)]
pub struct Network {
    blocks: Blocks,
    init: Init,
    loss: Loss,
}

/// Loss and gradients of one minibatch.
#[derive(Clone, Debug)]
pub struct StepResult {
    /// The objective: mean cross-entropy in nats, or half the sum of squared errors.
    pub loss: f64,
    /// Training accuracy on the minibatch, in percent, with the pass's own noise; `None` where there are no classes.
    pub accuracy: Option<f64>,
    /// One for each parameter.
    pub gradients: Params,
    /// The running statistics after this batch.
    pub buffers: Params,
    /// The passes through the network's blocks, in their order.
    pub passes: Vec<Pass>,
}

impl Network {
    /// The network of `blocks`, which starts with weights drawn by `init` and minimises `loss`.
    pub fn new(blocks: Blocks, init: Init, loss: Loss) -> Self {
        Network { blocks, init, loss }
    }

    /// Its blocks, in order.
    pub fn blocks(&self) -> &[Box<dyn Block>] {
        &self.blocks
    }

    /// Its layers, in order: the blocks with parameters that hold no others.
    pub fn layers(&self) -> Vec<&dyn Block> {
        layers(&self.blocks)
    }

    /// The convolution of `layer`, counted from 1, with its epilogue.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn conv_layer(&self, layer: usize) -> Result<&ConvLayer> {
        let found = layer.checked_sub(1).and_then(|index| self.layers().get(index).copied());
        match found.and_then(|block| (block as &dyn std::any::Any).downcast_ref()) {
            Some(layer) => Ok(layer),
            None => bail!("the network has no convolution {layer}"),
        }
    }

    /// Initial parameters from the streams of `seed`, and initial running statistics.
    ///
    /// # Errors
    /// If a tensor cannot be made.
    pub fn init(&self, seed: u64, dtype: DType, device: &Device) -> Result<(Params, Params)> {
        let value = |parameter: Parameter| -> Result<(String, Tensor)> {
            let Parameter { name, kind, shape, initial } = parameter;
            let tensor = match kind {
                Kind::Weight => init::weight(self.init, seed, &name, &shape, dtype, device)?,
                _ => Tensor::full(initial, shape, device)?.to_dtype(dtype)?,
            };
            Ok((name, tensor))
        };
        let params = self.blocks.iter().flat_map(|block| block.parameters()).map(value).collect::<Result<_>>()?;
        let buffers = self.blocks.iter().flat_map(|block| block.buffers()).map(value).collect::<Result<_>>()?;
        Ok((params, buffers))
    }

    /// Images (n, c, h, w), or vectors (n, inputs), in the layout that [`forward`](Network::forward) takes.
    ///
    /// # Errors
    /// If they have other dimensions.
    pub fn enter(&self, examples: &Tensor) -> Result<Tensor> {
        self.blocks.first().map_or_else(|| Ok(examples.clone()), |block| block.enter(examples))
    }

    /// The logits (n, classes), or the network's other output (n, outputs), of `input`, which is in the network's layout.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn forward(&self, at: At, input: &Tensor) -> Result<Tensor> {
        Ok(forward(&self.blocks, at, input)?.0)
    }

    /// Loss, accuracy, gradients and new running statistics of one minibatch, whose examples are in the network's layout:
    /// a walk over the blocks and back.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn loss_and_gradients(&self, at: At, input: &Tensor, labels: &Tensor) -> Result<StepResult> {
        let (logits, passes) = forward(&self.blocks, at, input)?;
        let (loss, grad_logits) = loss_and_gradient(self.loss, &logits, labels)?;
        let gradients = self.walk_back(at, &passes, grad_logits)?;
        let mut buffers = at.buffers.clone();
        self.blocks.iter().zip(&passes).try_for_each(|(block, pass)| block.update_buffers(pass, &mut buffers))?;
        let accuracy = match self.loss {
            Loss::CrossEntropy => Some(100.0 * correct(&logits, labels)? as f64 / labels.elem_count() as f64),
            Loss::HalfSquaredErrorSum => None,
        };
        Ok(StepResult { loss, accuracy, gradients, buffers, passes })
    }

    /// ∂L/∂z of the loss as a function of z alone, the output γŷ + β of the normalisation of the convolution of `layer`,
    /// in the network's layout: noise, ReLU, pooling and all later blocks follow as in a pass, by Candle's autograd.
    ///
    /// # Errors
    /// If shapes do not fit, or `layer` is not a block of the network that is a convolution without noise before its
    /// normalisation.
    pub(crate) fn gradient_after_norm(&self, layer: usize, at: At, z: &Tensor, labels: &Tensor) -> Result<Tensor> {
        let conv = self.conv_layer(layer)?;
        let Some(index) = self.blocks.iter().position(|block| block.name() == conv.name()) else {
            bail!("layer {layer} is within another block")
        };
        let rest = Epilogue { norm: None, ..conv.epilogue.clone() };
        if rest.has_noise_before_norm() {
            bail!("layer {layer} has its noise before its normalisation")
        }
        let z = Var::from_tensor(z)?;
        let no_bias = Tensor::zeros(rest.channels, z.dtype(), z.device())?;
        let no_bias = Params::from_iter([(rest.bias(), no_bias)]);
        let output = rest.forward(At { params: &no_bias, ..at }, &z)?.output;
        let (logits, _) = forward(&self.blocks[index + 1..], at, &output)?;
        match loss_of(self.loss, &logits, labels)?.backward()?.remove(&z) {
            Some(gradient) => Ok(gradient),
            None => bail!("the loss does not depend on layer {layer}"),
        }
    }

    fn walk_back(&self, at: At, passes: &[Pass], grad_logits: Tensor) -> Result<Params> {
        let mut gradients = Params::default();
        let mut gradient = Some(grad_logits);
        for (index, (block, pass)) in self.blocks.iter().zip(passes).enumerate().rev() {
            let Some(of_output) = gradient else {
                bail!("`{}` gives no gradient of its input", passes[index + 1].block)
            };
            let (of_input, of_parameters) = block.backward(at, pass, &of_output, index > 0)?;
            gradients.extend(of_parameters);
            gradient = of_input;
        }
        Ok(gradients)
    }
}

/// The output of `blocks`, one after the other, and their passes.
pub(super) fn forward(blocks: &[Box<dyn Block>], at: At, input: &Tensor) -> Result<(Tensor, Vec<Pass>)> {
    let mut x = input.clone();
    let mut passes = Vec::with_capacity(blocks.len());
    for block in blocks {
        let pass = block.forward(at, &x)?;
        x = pass.output.clone();
        passes.push(pass);
    }
    Ok((x, passes))
}

impl StepResult {
    /// The pass through the block called `name`.
    ///
    /// # Errors
    /// If there is none.
    pub fn pass(&self, name: &str) -> Result<&Pass> {
        match self.passes.iter().find_map(|pass| pass.find(name)) {
            Some(pass) => Ok(pass),
            None => bail!("the network has no block `{name}`"),
        }
    }
}
