//! The commit that `build.rs` embeds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder of these files.
fn folder(path: PathBuf) -> PathBuf {
    fs::create_dir_all(path.join("src")).unwrap();
    fs::write(path.join("src/lib.rs"), "").unwrap();
    fs::write(path.join("README.md"), "").unwrap();
    path
}

/// Runs `program` in `folder`, with `GIT_DIR` where it is given, and returns what it prints.
fn run(program: &Path, folder: &Path, arguments: &[&str], git_dir: Option<&Path>) -> String {
    let mut command = Command::new(program);
    command.current_dir(folder).args(arguments).env_remove("GIT_DIR");
    command.envs(git_dir.map(|path| ("GIT_DIR", path)));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Commits all of `folder`, in a repository of its own, and returns the commit.
fn commit(folder: &Path) -> String {
    let git = |arguments: &[&str]| run(Path::new("git"), folder, arguments, None);
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "a"]);
    git(&["rev-parse", "--short=12", "HEAD"]).trim().to_string()
}

#[test]
fn the_commit_is_that_of_the_sources_and_of_no_other_repository() {
    let parent = tempfile::tempdir().unwrap();
    let script = parent.path().join("script");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("build.rs");
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let built = Command::new(rustc).args(["--edition=2024", "-o"]).args([&script, &source]).status();
    assert!(built.unwrap().success());

    let [ours, other] = ["ours", "other"].map(|name| folder(parent.path().join(name)));
    let embedded = |folder: &Path, git_dir| {
        let printed = run(&script, folder, &[], git_dir);
        let commit = printed.lines().find_map(|line| line.strip_prefix("cargo::rustc-env=WHYBN_COMMIT="));
        (commit.unwrap().to_string(), printed)
    };
    assert_eq!(embedded(&ours, None).0, "unknown");
    let (commit, git_dir) = (commit(&ours), other.join(".git"));
    self::commit(&other);
    assert_eq!(embedded(&ours, Some(&git_dir)).0, commit);
    assert!(embedded(&ours, None).1.contains("cargo::rerun-if-changed=.git/refs/heads\n"));

    fs::write(ours.join("README.md"), "not a part of the program").unwrap();
    assert_eq!(embedded(&ours, None).0, commit);
    fs::write(ours.join("src/new.rs"), "").unwrap();
    assert_eq!(embedded(&ours, None).0, format!("{commit}-dirty"));
    let vendored = folder(ours.join("vendor/whybn"));
    assert_eq!(embedded(&vendored, None).0, "unknown");
}
