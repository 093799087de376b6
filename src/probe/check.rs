//! Checks that several probes make of their settings. An error says what is wrong and what would be right.

use std::fmt::Display;

use crate::groups::first_twice;
use crate::spec::Model;

/// The most of anything that a measurement may count (bins, redraws, units): more would fill the memory.
const MOST: usize = 1_000_000;

/// Numbers of something, by setting, must be at least 1 and at most [`MOST`].
pub(super) fn counts(counts: &[(&str, usize)]) -> Result<(), String> {
    match counts.iter().find(|(_, count)| !(1..=MOST).contains(count)) {
        Some((name, 0)) => Err(format!("`{name}` is 0; it must be at least 1")),
        Some((name, count)) => Err(format!("`{name}` is {count}; it must be at most {MOST}")),
        None => Ok(()),
    }
}

/// A number of evenly spaced measurements must be at least 1. More than there are steps measure at every step.
pub(super) fn points(points: usize) -> Result<(), String> {
    if points == 0 { Err("`points` is 0; it must be at least 1".into()) } else { Ok(()) }
}

/// A length must be a positive number.
pub(super) fn positive(name: &str, value: f64) -> Result<(), String> {
    match value > 0.0 && value.is_finite() {
        true => Ok(()),
        false => Err(format!("`{name}` is {value}; it must be positive")),
    }
}

/// A measurement of layers must name some, each once.
pub(super) fn some_layers(layers: &[usize]) -> Result<(), String> {
    if layers.is_empty() { Err("`layers` is empty; name at least one".into()) } else { no_repeats("layers", layers) }
}

/// The values of a setting must differ.
pub(super) fn no_repeats<T: PartialEq + Display>(name: &str, values: &[T]) -> Result<(), String> {
    match first_twice(values) {
        Some(value) => Err(format!("{value} stands twice in `{name}`; leave one out")),
        None => Ok(()),
    }
}

/// Every layer must be one of the first `last`, counted from 1.
pub(super) fn layers_exist(layers: &[usize], last: usize) -> Result<(), String> {
    match layers.iter().find(|&&layer| layer == 0 || layer > last) {
        Some(layer) => Err(format!("layer {layer} does not exist here; layers are 1 to {last}")),
        None => Ok(()),
    }
}

/// `layers` must be convolutions of the network.
pub(super) fn convolutions(layers: &[usize], model: &Model) -> Result<(), String> {
    has_convolutions(model)?;
    layers_exist(layers, model.layers())
}

/// The network must have convolutions.
pub(super) fn has_convolutions(model: &Model) -> Result<(), String> {
    has(model.kind().is_convolutional, "it measures convolutions", model)
}

/// The network must take images.
pub(super) fn has_images(model: &Model) -> Result<(), String> {
    has(model.kind().takes_images, "it evaluates images", model)
}

fn has(has: bool, because: &str, model: &Model) -> Result<(), String> {
    if has { Ok(()) } else { Err(format!("{because}, and a `{}` network has none", model.kind().name)) }
}
