//! The trait that every part of a network implements, and the record of a pass through one.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use candle_core::{Result, Tensor, Var};

use super::mode::Mode;
use super::params::Params;

/// The point in parameter space and the mode in which a pass is made.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// Parameters of the whole network.
    pub params: &'a Params,
    /// Running statistics of the whole network.
    pub buffers: &'a Params,
    /// The mode of normalisations and noise.
    pub mode: Mode,
}

/// The role of a tensor in its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A weight (outputs first), drawn by the network's initialisation.
    Weight,
    /// An added constant: β of a normalisation, or a bias.
    Bias,
    /// A factor: γ of a normalisation, or the scalar of a branch.
    Gain,
    /// A running statistic, which has no gradient.
    Statistic,
}

/// The declaration of a parameter or a running statistic.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name, unique in the network.
    pub name: String,
    /// Its role.
    pub kind: Kind,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The value that all its numbers start with; of a weight, unused.
    pub initial: f64,
}

impl Parameter {
    /// A weight of `shape`, (out, in) or (out, in, height, width).
    pub fn weight(name: String, shape: &[usize]) -> Self {
        Parameter { name, kind: Kind::Weight, shape: shape.to_vec(), initial: f64::NAN }
    }

    /// `length` numbers that start at `initial`.
    pub fn constant(name: String, kind: Kind, length: usize, initial: f64) -> Self {
        Parameter { name, kind, shape: vec![length], initial }
    }
}

/// Mean and spread of each channel, over `count` values.
#[derive(Clone, Debug)]
pub struct BatchMoments {
    /// (c)
    pub mean: Tensor,
    /// The quantity of the running statistics (c): the biased variance under BatchNorm, the divisor under the others.
    pub spread: Tensor,
    /// Values per channel.
    pub count: usize,
}

/// The record of a pass through a block, for its backward and for probes.
#[derive(Clone, Debug)]
pub struct Pass {
    /// The block's name.
    pub block: String,
    /// The block's input.
    pub input: Tensor,
    /// The block's output.
    pub output: Tensor,
    /// The batch's moments, where the block normalised by them.
    pub moments: Option<BatchMoments>,
    /// The passes through the blocks that it holds, in their order.
    pub inner: Vec<Pass>,
    /// Whatever else the block's own backward needs.
    pub(super) kept: Option<Arc<dyn Any + Send + Sync>>,
}

impl Pass {
    /// The pass of a block that keeps nothing but its input and its output.
    pub(super) fn new(block: &str, input: &Tensor, output: Tensor) -> Self {
        let (block, input) = (block.into(), input.clone());
        Pass { block, input, output, moments: None, inner: Vec::new(), kept: None }
    }

    /// The pass through the block called `name`: this one, or one within it.
    pub(super) fn find(&self, name: &str) -> Option<&Pass> {
        if self.block == name { Some(self) } else { self.inner.iter().find_map(|pass| pass.find(name)) }
    }
}

/// Blocks that follow one another.
pub type Blocks = Vec<Box<dyn Block>>;

/// The gradient of a block's input, where it was asked for, and those of its parameters.
pub type Gradients = (Option<Tensor>, Params);

/// A part of a network. It may hold further blocks.
pub trait Block: Any + Debug + Send + Sync {
    /// Its name, unique in the network.
    fn name(&self) -> &str;

    /// The blocks that it holds.
    fn inner(&self) -> &[Box<dyn Block>] {
        &[]
    }

    /// Its parameters, those of the blocks that it holds included.
    fn parameters(&self) -> Vec<Parameter> {
        self.inner().iter().flat_map(|block| block.parameters()).collect()
    }

    /// Its running statistics, those of the blocks that it holds included.
    fn buffers(&self) -> Vec<Parameter> {
        self.inner().iter().flat_map(|block| block.buffers()).collect()
    }

    /// A minibatch in the layout that the block takes, should it be the network's first.
    ///
    /// # Errors
    /// If the examples have other dimensions.
    fn enter(&self, examples: &Tensor) -> Result<Tensor> {
        Ok(examples.clone())
    }

    /// The pass of `x`.
    ///
    /// # Errors
    /// If shapes do not fit.
    fn forward(&self, at: At, x: &Tensor) -> Result<Pass>;

    /// The gradients of a pass, from that of its output: by default the vector-Jacobian product by Candle's autograd.
    ///
    /// # Errors
    /// If shapes do not fit.
    fn backward(&self, at: At, pass: &Pass, gradient: &Tensor, need_input: bool) -> Result<Gradients> {
        let forward = |at: At, x: &Tensor| self.forward(at, x);
        vector_jacobian(forward, at, self.parameters(), &pass.input, gradient, need_input)
    }

    /// Moves the running statistics towards those of a pass.
    ///
    /// # Errors
    /// If a statistic is missing.
    fn update_buffers(&self, pass: &Pass, buffers: &mut Params) -> Result<()> {
        self.inner().iter().zip(&pass.inner).try_for_each(|(block, pass)| block.update_buffers(pass, buffers))
    }
}

/// The vector-Jacobian product of `forward` alone by Candle's autograd: the gradients of `input` and of `parameters`, from
/// that of the output. It computes the output once more.
///
/// # Errors
/// If shapes do not fit, or a parameter does not take part.
pub(super) fn vector_jacobian(
    forward: impl Fn(At, &Tensor) -> Result<Pass>,
    at: At,
    parameters: Vec<Parameter>,
    input: &Tensor,
    gradient: &Tensor,
    need_input: bool,
) -> Result<Gradients> {
    let tracked = at.params.only(parameters.into_iter().map(|parameter| parameter.name))?.tracked()?;
    let x = if need_input { Var::from_tensor(input)?.as_tensor().clone() } else { input.detach() };
    let output = forward(At { params: &tracked, ..at }, &x)?.output;
    let store = output.mul(gradient)?.sum_all()?.backward()?;
    let of_input = if need_input { store.get(&x).cloned() } else { None };
    Ok((of_input, tracked.gradients(&store)?))
}

/// The layers among `blocks`, in order: the blocks with parameters that hold no others.
pub(super) fn layers(blocks: &[Box<dyn Block>]) -> Vec<&dyn Block> {
    let mut found = Vec::new();
    for block in blocks {
        match block.inner() {
            [] if block.parameters().is_empty() => {}
            [] => found.push(block.as_ref()),
            inner => found.extend(layers(inner)),
        }
    }
    found
}
