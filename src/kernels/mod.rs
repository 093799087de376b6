//! CPU kernels behind Candle's custom operations.
pub mod isa;
pub mod lanes;
