//! Embeds the commit that the program is built from as `WHYBN_COMMIT`: `…-dirty` where the sources differ from it, and
//! `unknown` where this folder is not the root of a repository.

use std::process::Command;

/// All that the program is made of.
const SOURCES: [&str; 7] =
    ["Cargo.lock", "Cargo.toml", "build.rs", "data/fashion-mnist", "data/reference", "src", "studies"];

fn main() {
    // Set by `cargo fuzz`.
    println!("cargo::rustc-check-cfg=cfg(fuzzing)");
    println!("cargo::rustc-env=WHYBN_COMMIT={}", commit().unwrap_or_else(|| "unknown".into()));
    // A commit moves HEAD or a file of a branch.
    let moved = ["HEAD", "refs/heads"].map(|name| git(&["rev-parse", "--git-path", name]));
    for path in SOURCES.map(String::from).into_iter().chain(moved.into_iter().flatten()) {
        println!("cargo::rerun-if-changed={path}");
    }
}

fn commit() -> Option<String> {
    let is_root = git(&["rev-parse", "--show-prefix"])?.is_empty();
    let commit = is_root.then(|| git(&["rev-parse", "--short=12", "HEAD"]))??;
    let changes = git(&[&["--no-optional-locks", "status", "--porcelain", "--"], &SOURCES[..]].concat())?;
    Some(if changes.is_empty() { commit } else { format!("{commit}-dirty") })
}

/// The answer of git in this folder, whatever repository the caller's environment names.
fn git(arguments: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")).for_each(|(name, _)| {
        git.env_remove(name);
    });
    let output = git.args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
}
