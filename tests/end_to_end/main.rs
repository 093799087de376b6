//! The program from its command line, with a study so small that each run takes seconds.

mod desk;
mod interruption;
mod mistakes;
mod sharing;
mod study;
