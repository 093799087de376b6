//! The right to work on something: a locked file, or a file that names its owner where the file system has no locks.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use crate::files::{list, read, write_whole};
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

/// The lock `path`, or who holds it.
///
/// # Errors
/// A file that cannot be made.
pub fn lock(path: &Path) -> Result<Result<Lock, String>> {
    let problem = || format!("{}: cannot lock this file", path.display());
    let file = File::options().create(true).append(true).open(path).with_context(problem)?;
    match file.try_lock() {
        Ok(()) => Ok(Ok(Lock::Locked { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(Err("another process".into())),
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
fn lock_by_name(path: &Path) -> Result<Result<Lock, String>> {
    loop {
        if let Some(holder) = holder(path, path)? {
            return Ok(Err(holder));
        }
        let (process, host) = (std::process::id(), host());
        let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "unknown".into());
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let file = path.with_file_name(format!("{}{host}-{process}-{time}", held(path)));
        write_whole(&file, format!("process {process} of {user} on {host}, since {}", now()).as_bytes())?;
        let lock = Lock::Named(file.clone());
        if holder(path, &file)?.is_none() {
            return Ok(Ok(lock));
        }
        drop(lock);
        std::thread::sleep(Duration::from_millis(1 + u64::from(process % 64)));
    }
}

/// The beginning of the names of files that take the place of the lock `path`; host, process and time follow.
fn held(path: &Path) -> String {
    format!("{}.held-", path.file_name().unwrap_or_default().to_string_lossy())
}

fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok());
    name.map_or("unknown".into(), |name| name.trim().replace('/', "-"))
}

/// Whether the process ran on this host and has ended; where that cannot be told it has not.
fn has_ended(process: &str, on: &str) -> bool {
    let processes = Path::new("/proc");
    on == host() && on != "unknown" && processes.join("self").exists() && !processes.join(process).exists()
}

/// Who holds the lock `path` by a file other than `own`. The files of processes that have ended are removed: each
/// process's file has a name of its own, so that no other's is removed in its place.
fn holder(path: &Path, own: &Path) -> Result<Option<String>> {
    for file in list(path.parent().unwrap_or(path))? {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let parts: Vec<&str> = name.strip_prefix(&held(path)).unwrap_or_default().rsplitn(3, '-').collect();
        let [time, process, host] = parts[..] else { continue };
        if time.parse::<u128>().is_err() || file == own {
            continue;
        }
        if has_ended(process, host) {
            let _another_process_may_have = fs::remove_file(&file);
        } else if let Some(owner) = read(&file)? {
            let owner = String::from_utf8_lossy(&owner).into_owned();
            return Ok(Some(format!("{owner} (if it has ended, remove {})", file.display())));
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
            let holder = lock(&a).unwrap().unwrap_err();
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
        let of = |host: &str| folder.path().join(format!("lock.held-{host}-0-1"));
        let file = of(&host());
        fs::write(&file, "process 0 of ann").unwrap();
        if Path::new("/proc/self").exists() {
            assert!(lock_by_name(&path).unwrap().is_ok());
            assert!(!file.exists());
        }
        fs::write(of("else-where"), "process 0 of ann").unwrap();
        let holder = lock_by_name(&path).unwrap().unwrap_err();
        assert_eq!(holder, format!("process 0 of ann (if it has ended, remove {})", of("else-where").display()));
    }
}
