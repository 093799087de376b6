//! A whole training step (forward, loss, backward, update) of VGG-16 at 1/8 width, arm by arm, on one thread.
//!
//! `cargo bench --bench step`; an "element" is an image. For a comparison with PyTorch see `benches/compare`.

mod training;

use anyhow::Result;
use criterion::{Criterion, Throughput};
use training::Training;

/// As in the program: fresh large buffers cost page faults with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    whybn::kernels::memory::keep_what_is_freed();
    let mut criterion = Criterion::default().without_plots().configure_from_args();
    let mut group = criterion.benchmark_group("step vgg16/8");
    group.sample_size(20).throughput(Throughput::Elements(128));
    for arm in ["standard", "batch_norm", "noisy_batch_norm"] {
        let mut training = Training::new("vgg16/8", arm)?;
        group.bench_function(arm, |bencher| bencher.iter(|| training.step().expect("a step")));
    }
    group.finish();
    Ok(())
}
