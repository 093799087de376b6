//! Layers and the whole network against PyTorch in double precision.
//!
//! The numbers are those of `tests/golden/pytorch.py` (PyTorch 2.15), which says how to make them again.

mod golden;
mod layers;
mod network;
