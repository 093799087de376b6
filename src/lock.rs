//! The right to work on something: a locked file, or a file that names its owner where the file system has no locks.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::files::{read_json, write_json};
use crate::text::{note, now};

/// How long to wait before a lock that another process holds is tried again.
pub const PATIENCE: Duration = Duration::from_millis(200);

/// The right to work on something, until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub enum Lock {
    /// A file that is locked as long as it is open.
    Locked { _file: File },
    /// This file names its owner.
    Named(PathBuf),
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Lock::Named(file) = self {
            let _others_see_that_this_process_has_ended = fs::remove_file(file);
        }
    }
}

/// The process that holds a lock.
#[derive(Debug)]
pub enum Holder {
    /// The system does not say which.
    Unnamed,
    /// The one that this file names.
    Named(PathBuf, Owner),
}

/// A process, in a file that stands for a lock.
#[derive(Debug, Serialize, Deserialize)]
pub struct Owner {
    user: String,
    host: String,
    process: u32,
    since: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Holder::Named(file, Owner { user, host, process, since }) = self else {
            return f.write_str("another process");
        };
        let file = file.display();
        write!(f, "process {process} of {user} on {host} (since {since}; if it has ended, remove {file})")
    }
}

impl Owner {
    fn this_process() -> Self {
        let variable = |names: &[&str]| names.iter().find_map(|name| std::env::var(name).ok());
        let host =
            fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| variable(&["HOSTNAME", "COMPUTERNAME"]));
        Self {
            user: variable(&["USER", "LOGNAME", "USERNAME"]).unwrap_or_else(|| "unknown".into()),
            host: host.map_or("unknown".into(), |host| host.trim().replace(['/', '\\'], "-")),
            process: std::process::id(),
            since: now(),
        }
    }

    /// Whether it ran on this host and has ended; where that cannot be told it has not.
    fn has_ended(&self) -> bool {
        let processes = Path::new("/proc");
        let can_tell =
            self.host == Owner::this_process().host && self.host != "unknown" && processes.join("self").exists();
        can_tell && !processes.join(self.process.to_string()).exists()
    }
}

/// The lock `path`, or who holds it.
///
/// # Errors
/// A file that cannot be made.
pub fn lock(path: &Path) -> Result<Result<Lock, Holder>> {
    let problem = || format!("{}: cannot lock this file", path.display());
    let file = File::options().create(true).append(true).open(path).with_context(problem)?;
    match file.try_lock() {
        Ok(()) => Ok(Ok(Lock::Locked { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(Err(Holder::Unnamed)),
        Err(TryLockError::Error(error)) if is_unsupported(&error) => {
            static SAID: Once = Once::new();
            let folder = path.parent().unwrap_or(path).display();
            SAID.call_once(|| {
                note(format_args!(
                    "note: the file system of {folder} has no file locks ({error}); files there that name their owner \
                     take their place"
                ))
            });
            lock_by_name(path)
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(problem),
    }
}

/// NFS without its lock service says that there are no locks available.
fn is_unsupported(error: &io::Error) -> bool {
    error.kind() == ErrorKind::Unsupported || error.raw_os_error() == Some(libc::ENOLCK)
}

/// The lock `path` as a file beside it that names this process, or who has such a file. Of two processes that make
/// theirs at the same time each sees the other's, so that never both go on; they try again after different pauses.
fn lock_by_name(path: &Path) -> Result<Result<Lock, Holder>> {
    loop {
        if let Some(holder) = holder(path, None)? {
            return Ok(Err(holder));
        }
        let owner = Owner::this_process();
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let file = beside(path, &format!("{HELD}{}-{}-{time}.json", owner.host, owner.process));
        write_json(&file, &owner)?;
        let lock = Lock::Named(file.clone());
        if holder(path, Some(&file))?.is_none() {
            return Ok(Ok(lock));
        }
        drop(lock);
        std::thread::sleep(Duration::from_millis(1 + u64::from(owner.process % 64)));
    }
}

/// Follows the name of a lock in the names of files that name its owner.
const HELD: &str = ".held-";

fn beside(path: &Path, more: &str) -> PathBuf {
    path.with_file_name(format!("{}{more}", path.file_name().unwrap_or_default().to_string_lossy()))
}

/// Who holds the lock `path` by a file other than `own`. The files of processes that have ended are removed: each
/// process's file has a name of its own, so that no other's is removed in its place.
fn holder(path: &Path, own: Option<&Path>) -> Result<Option<Holder>> {
    let folder = path.parent().unwrap_or(path);
    let held = beside(path, HELD);
    for entry in fs::read_dir(folder).with_context(|| format!("{}: cannot read this folder", folder.display()))? {
        let file = entry?.path();
        let is_held = file.to_string_lossy().starts_with(&*held.to_string_lossy());
        if !is_held || file.extension().is_none_or(|extension| extension != "json") || own == Some(&file) {
            continue;
        }
        match read_json::<Owner>(&file, "not the owner of a lock; remove it if no process is at work here")? {
            Some(owner) if owner.has_ended() => {
                let _another_process_may_have = fs::remove_file(&file);
            }
            Some(owner) => return Ok(Some(Holder::Named(file, owner))),
            None => {}
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_a_lock_at_a_time() {
        for lock in [lock, lock_by_name] {
            let folder = tempfile::tempdir().unwrap();
            let [a, ab] = ["a", "a.b"].map(|name| folder.path().join(name));
            let first = lock(&a).unwrap();
            assert!(first.is_ok());
            let holder = lock(&a).unwrap().unwrap_err().to_string();
            assert!(holder.contains("process"), "{holder}");
            assert!(lock(&ab).unwrap().is_ok());
            drop(first);
            assert!(lock(&a).unwrap().is_ok());
        }
    }

    #[test]
    fn of_many_that_lock_by_name_at_once_one_goes_on_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let (path, inside) = (folder.path().join("lock"), std::sync::atomic::AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        if let Ok(_lock) = lock_by_name(&path).unwrap() {
                            assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                            inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                        }
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    /// No process has the number 0.
    #[test]
    fn the_lock_of_an_ended_process_of_this_host_is_taken_over_and_that_of_another_host_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let file = beside(&path, ".held-somewhere-0-1.json");
        let ended = Owner { process: 0, ..Owner::this_process() };
        write_json(&file, &ended).unwrap();
        if Path::new("/proc/self").exists() {
            assert!(lock_by_name(&path).unwrap().is_ok());
            assert!(!file.exists());
        }
        write_json(&file, &Owner { host: "elsewhere".into(), user: "ann".into(), ..ended }).unwrap();
        let holder = lock_by_name(&path).unwrap().unwrap_err().to_string();
        assert!(holder.contains("process 0 of ann on elsewhere (since "), "{holder}");
        assert!(holder.contains(&format!("remove {}", file.display())), "{holder}");
    }
}
