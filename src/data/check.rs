//! The text of `whybn data check`.

use std::fmt::Write as _;
use std::path::Path;

use super::{ImageSet, Standing, cifar10, fashion_mnist};
use crate::text::thousands;

/// Tables of the embedded Fashion-MNIST and of CIFAR-10 where it is (counts, class balance, hashes), and what is wrong
/// where its files are not the official ones.
///
/// # Errors
/// Files that are damaged, or missing from a folder that somebody named; see [`load`](super::load).
pub fn check(data_dir: Option<&Path>) -> anyhow::Result<(String, Option<String>)> {
    let mut text = table(&fashion_mnist::load()?, "part of the program");
    let mut strange = None;
    let location = cifar10::Location::find(data_dir);
    if location.is_expected() {
        let place = location.folder.display().to_string();
        let data = cifar10::load(&location)?;
        write!(text, "\n{}", table(&data, &place))?;
        let facts = &data.facts;
        let lacking = facts.official_test.saturating_sub(facts.test);
        if lacking > 0 {
            writeln!(
                text,
                "\n  The test set lacks {} of the official {} images.",
                lacking,
                thousands(facts.official_test)
            )?;
        }
        let files: Vec<&str> = facts.strange_files().map(String::as_str).collect();
        if !files.is_empty() {
            strange = Some(format!("{place}: not the official CIFAR-10: {}; {}", files.join(", "), cifar10::REMEDY));
        }
    } else {
        let place = location.folder.display();
        write!(text, "\nCIFAR-10: not in {place}; get it with `whybn data fetch cifar10`\n")?;
    }
    Ok((text, strange))
}

fn table(data: &ImageSet, place: &str) -> String {
    let facts = &data.facts;
    let mut text = format!("{}\n  place    {place}\n  content  {}\n", facts.describe(), facts.sha256);
    for (i, (mean, std)) in facts.mean.iter().zip(&facts.std).enumerate() {
        text += &format!("  channel {i}: mean {mean:.4}, standard deviation {std:.4} over the training pixels\n");
    }
    text += &format!("\n  {:<24} {:>8} {:>12}  {:<17} sha256\n", "file", "records", "bytes", "official?");
    for file in &facts.files {
        let standing = match file.standing {
            Standing::Official => "yes",
            Standing::FirstRecords => "its first records",
            Standing::LacksRecords => "lacks records",
            Standing::Other => "no",
        };
        let (records, bytes) = (thousands(file.records), thousands(file.bytes));
        text += &format!("  {:<24} {records:>8} {bytes:>12}  {standing:<17} {}\n", file.name, file.sha256);
    }
    text += &format!("\n  {:<5} {:<12} {:>8} {:>8}\n", "label", "class", "train", "test");
    let classes = facts.name.class_names();
    let counts = data.train.class_counts(classes.len()).into_iter().zip(data.test.class_counts(classes.len()));
    for (label, (class, (train, test))) in classes.iter().zip(counts).enumerate() {
        text += &format!("  {label:<5} {class:<12} {:>8} {:>8}\n", thousands(train), thousands(test));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The content hash is also Python's: hashlib over struct.pack("<3Q", 1, 32, 32) and, for both splits, the number
    /// of images ("<Q"), the labels and the padded pixels.
    #[test]
    fn the_embedded_data_are_shown_with_counts_balance_and_hashes() {
        let text = table(&fashion_mnist::load().unwrap(), "part of the program");
        insta::assert_snapshot!(text, @r"
        Fashion-MNIST, first 10,000 of 60,000 training images, first 2,000 of 10,000 test images
          place    part of the program
          content  f98ae1baa20eb19dcfd881574d2c6a7d619836a058bdc8040d63b8fc79d56117
          channel 0: mean 0.2192, standard deviation 0.3327 over the training pixels

          file                      records        bytes  official?         sha256
          train-images-idx3-ubyte    10,000    7,840,016  its first records ed2e37ed5a3a57d212141a69fe0a0de5a7126ffba14ac3f7e76f5f52cc04b1f0
          train-labels-idx1-ubyte    10,000       10,008  its first records a69f2dad024ca220a8c4d85f621fdf929042d40c444abde2868903e9220ad517
          t10k-images-idx3-ubyte      2,000    1,568,016  its first records 862035b0a96959b614c9574f4c2b0ae9584ca234813e8d6d7adb7838b12ca46b
          t10k-labels-idx1-ubyte      2,000        2,008  its first records aa3f574d30afaf0d4d9da084a6f8541771e20693d6a97fae6e9a4953fca8f078

          label class           train     test
          0     T-shirt/top       942      200
          1     trouser         1,027      203
          2     pullover        1,016      214
          3     dress           1,019      190
          4     coat              974      219
          5     sandal            989      195
          6     shirt           1,021      197
          7     sneaker         1,022      200
          8     bag               990      194
          9     ankle boot      1,000      188
        ");
    }
}
