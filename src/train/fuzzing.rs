//! Files of a trial's folder with any bytes: see `fuzz/`.

use candle_core::{DType, Device, Tensor};

use super::checkpoint::{self, Checkpoint, ProbeLog};
use super::store;
use crate::files::write_whole;
use crate::fuzzing::{folder, two};
use crate::nn::Params;

/// The records of a checkpoint, and its weights; sealed, so that what comes after the seal is read too.
pub fn checkpoint(bytes: &[u8]) {
    let params = |name: &str| -> Params {
        let tensor = Tensor::zeros((2, 3), DType::F32, &Device::Cpu).expect("a small tensor");
        [(name.to_string(), tensor)].into_iter().collect()
    };
    let logs = vec![ProbeLog { probe: "a".into(), ..ProbeLog::default() }];
    let begun = Checkpoint { step: 0, params: params("w"), optimizer: params("m.w"), buffers: params("b"), logs };
    let (csv, weights) = two(bytes);
    for sealed in [false, true] {
        checkpoint::write_any(folder(), &begun, csv, weights, sealed).expect("a folder that can be written");
        let _read_or_refused = checkpoint::load(folder(), &begun);
    }
}

/// `done.json` and `trial.json`.
pub fn done(bytes: &[u8]) {
    let (done, card) = two(bytes);
    for (name, bytes) in [("done.json", done), ("trial.json", card)] {
        write_whole(&folder().join(name), bytes).expect("a folder that can be written");
    }
    for schema in [1, 2] {
        let _read_or_refused = store::finished(folder(), schema, &[]);
    }
}
