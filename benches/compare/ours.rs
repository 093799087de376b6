//! Our side of `compare.py`: `ours NETWORK ARM`.
//!
//! Says what it is in one line; then reads a number of steps from each line of standard input, takes them, and
//! answers with a line. `theirs.py` speaks the same; `compare.py` takes the times.

#[path = "../training/mod.rs"]
mod training;

use std::io::stdin;

use anyhow::{Context, Result};
use training::Training;
use whybn::kernels::{isa, memory};

/// As in the program: fresh large buffers cost page faults with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    memory::keep_what_is_freed();
    let mut arguments = std::env::args().skip(1);
    let (network, arm) = arguments.next().zip(arguments.next()).context("usage: ours NETWORK ARM")?;
    let mut training = Training::new(&network, &arm)?;
    println!("{} parameters, {}", training.params.count(), isa::current());
    for line in stdin().lines() {
        for _ in 0..line?.trim().parse::<usize>()? {
            training.step()?;
        }
        println!("done");
    }
    Ok(())
}
