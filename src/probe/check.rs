//! Checks that several probes make of their settings. An error says what is wrong and what would be right.

use anyhow::{Result, ensure};

use crate::groups::refuse_repeated;
use crate::spec::Model;

/// The most of anything that a measurement may count (bins, redraws, units): more would fill the memory.
const MOST: usize = 1_000_000;

/// Numbers of something, by setting, must be at least 1 and at most [`MOST`].
pub(super) fn counts(counts: &[(&str, usize)]) -> Result<()> {
    for (name, count) in counts {
        ensure!(*count > 0, "`{name}` is 0; it must be at least 1");
        ensure!(*count <= MOST, "`{name}` is {count}; it must be at most {MOST}");
    }
    Ok(())
}

/// A number of evenly spaced measurements must be at least 1. More than there are steps measure at every step.
pub(super) fn points(points: usize) -> Result<()> {
    ensure!(points > 0, "`points` is 0; it must be at least 1");
    Ok(())
}

/// A length must be a positive number.
pub(super) fn positive(name: &str, value: f64) -> Result<()> {
    ensure!(value > 0.0 && value.is_finite(), "`{name}` is {value}; it must be positive");
    Ok(())
}

/// A measurement of layers must name some, each once.
pub(super) fn some_layers(layers: &[usize]) -> Result<()> {
    ensure!(!layers.is_empty(), "`layers` is empty; name at least one");
    refuse_repeated("layers", layers)
}

/// Every layer must be one of the first `last`, counted from 1.
pub(super) fn layers_exist(layers: &[usize], last: usize) -> Result<()> {
    for layer in layers {
        ensure!((1..=last).contains(layer), "layer {layer} does not exist here; layers are 1 to {last}");
    }
    Ok(())
}

/// `layers` must be convolutions of the network.
pub(super) fn convolutions(layers: &[usize], model: &Model) -> Result<()> {
    has_convolutions(model)?;
    layers_exist(layers, model.layers())
}

/// The network must have convolutions.
pub(super) fn has_convolutions(model: &Model) -> Result<()> {
    let kind = model.kind();
    ensure!(kind.is_convolutional, "it measures convolutions, and a `{}` network has none", kind.name);
    Ok(())
}
