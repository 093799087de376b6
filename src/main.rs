//! Parse, dispatch, exit code: see [`whybn::cli`].

/// Many small tensors come and go in every step; this allocator is faster at that than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    whybn::kernels::memory::keep_what_is_freed();
    whybn::cli::main()
}
