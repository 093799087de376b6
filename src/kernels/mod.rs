//! CPU kernels behind Candle's custom operations.
pub mod conv;
pub mod isa;
pub mod lanes;
pub mod layout;
pub mod linear;
