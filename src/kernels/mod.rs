//! CPU kernels behind Candle's custom operations.
pub mod conv;
mod grouped;
pub mod isa;
pub mod lanes;
pub mod layout;
pub mod linear;
pub mod noise;
pub mod unit;
pub mod words;
