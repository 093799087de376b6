//! The convolution's passes on the shapes of VGG-16, as shares of the core's multiply-add peak.
//!
//! `cargo bench --bench kernels` prints criterion's intervals (an "element" is a floating-point operation) and then
//! one table of the best rates. Only multiply-adds that the direct convolution needs are counted: taps in the padding and
//! lanes without a channel do not count; large layers, convolved with fewer, may pass the peak. Times include packing the
//! weights and allocating the result.

use std::hint::black_box;
use std::time::{Duration, Instant};

use candle_core::{Device, Result, Tensor};
use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use whybn::kernels::conv::Conv3x3;
use whybn::kernels::isa::{GroupKernel, dispatch_groups};
use whybn::kernels::lanes::Vector;
use whybn::kernels::layout::to_grouped;
use whybn::kernels::memory;

/// As in the program: fresh large buffers cost page faults with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 128;

/// (c_in, c_out, height and width) of VGG-16 on 32×32 images at 1/8, 1/4 and full width, each shape once.
const SHAPES: [(usize, usize, usize); 25] = [
    (3, 8, 32),
    (8, 8, 32),
    (8, 16, 16),
    (16, 16, 16),
    (16, 32, 8),
    (32, 32, 8),
    (32, 64, 4),
    (64, 64, 4),
    (64, 64, 2),
    (3, 16, 32),
    (16, 16, 32),
    (16, 32, 16),
    (32, 32, 16),
    (32, 64, 8),
    (64, 64, 8),
    (64, 128, 4),
    (128, 128, 4),
    (128, 128, 2),
    (3, 64, 32),
    (64, 64, 32),
    (128, 128, 16),
    (256, 256, 8),
    (256, 512, 4),
    (512, 512, 4),
    (512, 512, 2),
];

/// Multiply-adds in registers alone: twelve chains, more than latency × width of any core at hand.
struct Peak {
    rounds: usize,
}

impl GroupKernel for Peak {
    /// Multiply-adds of one instruction.
    type Output = usize;

    #[inline(always)]
    fn run<V: Vector>(self) -> usize {
        let factor = V::splat(black_box(0.5));
        let summand = V::splat(black_box(1.0));
        let mut chains = [V::zero(); 12];
        for _ in 0..self.rounds {
            for chain in &mut chains {
                *chain = chain.mul_add(factor, summand);
            }
        }
        black_box(chains);
        V::WIDTH
    }
}

/// The best rate of [`Peak`] in GF/s.
fn peak() -> f64 {
    let rounds = 100_000;
    let rates = (0..50).map(|_| {
        let start = Instant::now();
        let width = dispatch_groups(2, Peak { rounds });
        (rounds * 12 * 2 * width) as f64 / start.elapsed().as_nanos() as f64
    });
    rates.fold(0.0, f64::max)
}

/// Runs `work` under criterion and returns its best rate in GF/s; `None` if it was filtered out.
fn measure<T>(
    group: &mut BenchmarkGroup<WallTime>,
    name: &str,
    operations: usize,
    work: impl Fn() -> T,
) -> Option<f64> {
    let mut best: Option<Duration> = None;
    group.throughput(Throughput::Elements(operations as u64));
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| {
            (0..iterations)
                .map(|_| {
                    let start = Instant::now();
                    black_box(work());
                    let time = start.elapsed();
                    best = Some(best.map_or(time, |best| best.min(time)));
                    time
                })
                .sum()
        })
    });
    best.map(|best| operations as f64 / best.as_nanos() as f64)
}

/// Values that are neither all equal nor denormal; the kernels' time does not depend on them.
fn values(shape: (usize, usize, usize, usize)) -> Result<Tensor> {
    let count = shape.0 * shape.1 * shape.2 * shape.3;
    Tensor::from_iter((0..count).map(|i| (i % 17) as f32 / 8.0 - 1.0), &Device::Cpu)?.reshape(shape)
}

/// Rates of forward pass, input gradient and weight gradient.
fn rates(group: &mut BenchmarkGroup<WallTime>, (c_in, c_out, side): (usize, usize, usize)) -> Result<[Option<f64>; 3]> {
    let input = to_grouped(&values((BATCH, c_in, side, side))?)?;
    let grad = to_grouped(&values((BATCH, c_out, side, side))?)?;
    let weight = values((c_out, c_in, 3, 3))?;
    let operations = 2 * BATCH * (3 * side - 2).pow(2) * c_in * c_out;
    let shape = format!("{c_in}x{c_out}@{side}");
    Ok([
        measure(group, &format!("forward/{shape}"), operations, || Conv3x3::forward(&input, &weight)),
        measure(group, &format!("input gradient/{shape}"), operations, || Conv3x3::input_gradient(&weight, &grad)),
        measure(group, &format!("weight gradient/{shape}"), operations, || {
            Conv3x3::weight_gradient(&input, &weight, &grad)
        }),
    ])
}

fn main() -> Result<()> {
    memory::keep_what_is_freed();
    let mut criterion = Criterion::default().without_plots().configure_from_args();
    let mut group = criterion.benchmark_group("conv3x3");
    group.sample_size(10).warm_up_time(Duration::from_millis(50)).measurement_time(Duration::from_millis(200));
    let table = SHAPES.into_iter().map(|shape| Ok((shape, rates(&mut group, shape)?))).collect::<Result<Vec<_>>>()?;
    group.finish();

    let peak = peak();
    println!("Peak of one core: {peak:.1} GF/s. Best rates in GF/s (share of the peak), batch {BATCH}:");
    println!("{:>14} {:>14} {:>14} {:>15}", "shape", "forward", "input gradient", "weight gradient");
    for ((c_in, c_out, side), rates) in table {
        let [forward, input, weight] =
            rates.map(|rate| rate.map_or("-".into(), |rate| format!("{rate:6.1} ({:3.0} %)", 100.0 * rate / peak)));
        println!("{:>14} {forward:>14} {input:>14} {weight:>15}", format!("{c_in}x{c_out}@{side}"));
    }
    Ok(())
}
