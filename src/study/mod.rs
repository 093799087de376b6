//! What is asked: the format of a study's file.
pub mod claim;
