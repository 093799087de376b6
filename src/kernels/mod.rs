//! CPU kernels behind Candle's custom operations.
mod grouped;
pub mod isa;
pub mod lanes;
pub mod noise;
pub mod unit;
pub mod words;
