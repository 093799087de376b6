//! Whole reports from made-up records.

use std::collections::BTreeMap;
use std::path::Path;

use super::synthetic::{input, plan};
use super::*;

/// Every file below `folder`, by path.
fn files_of(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_of(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

/// To look at the pictures: `WHYBN_LOOK=folder cargo test --release --lib report::tests::look -- --ignored`.
#[test]
#[ignore = "for eyes"]
fn look() {
    let plan = plan(8);
    let folder = std::env::var("WHYBN_LOOK").unwrap();
    write(&input(&plan), Path::new(&folder)).unwrap();
    write_index(Path::new(&folder)).unwrap();
}

#[test]
fn the_page() {
    let plan = plan(8);
    let folder = tempfile::tempdir().unwrap();
    let page = write(&input(&plan), folder.path()).unwrap();
    insta::assert_snapshot!(std::fs::read_to_string(page).unwrap());
}
