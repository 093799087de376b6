#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| whybn::data::fuzzing::tar(bytes));
