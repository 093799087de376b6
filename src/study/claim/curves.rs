//! The published curves of `data/reference`, embedded.

use anyhow::{Context, Result};

/// A file's name without its ending, and its text.
const CURVES: [(&str, &str); 15] = [
    ("fig1a_train_acc", include_str!("../../../data/reference/fig1a_train_acc.csv")),
    ("fig1b_test_acc", include_str!("../../../data/reference/fig1b_test_acc.csv")),
    ("fig2_train_acc", include_str!("../../../data/reference/fig2_train_acc.csv")),
    ("fig3_dln_loss", include_str!("../../../data/reference/fig3_dln_loss.csv")),
    ("fig3_vgg_lr0.01_train_acc", include_str!("../../../data/reference/fig3_vgg_lr0.01_train_acc.csv")),
    ("fig4a_loss_band_bn", include_str!("../../../data/reference/fig4a_loss_band_bn.csv")),
    ("fig4a_loss_band_standard", include_str!("../../../data/reference/fig4a_loss_band_standard.csv")),
    ("fig4a_loss_band_width", include_str!("../../../data/reference/fig4a_loss_band_width.csv")),
    ("fig4b_gradient_band_bn", include_str!("../../../data/reference/fig4b_gradient_band_bn.csv")),
    ("fig4b_gradient_band_standard", include_str!("../../../data/reference/fig4b_gradient_band_standard.csv")),
    ("fig4b_gradient_distance", include_str!("../../../data/reference/fig4b_gradient_distance.csv")),
    ("fig4c_beta", include_str!("../../../data/reference/fig4c_beta.csv")),
    ("fig5a_vgg_lp_train_acc", include_str!("../../../data/reference/fig5a_vgg_lp_train_acc.csv")),
    ("fig5b_dln_lp_loss", include_str!("../../../data/reference/fig5b_dln_lp_loss.csv")),
    ("fig8_moments", include_str!("../../../data/reference/fig8_moments.csv")),
];

/// Steps and values, in order of steps.
pub type Curve = Vec<(usize, f64)>;

/// One published curve.
///
/// # Errors
/// A name or a column that does not exist, with those that do.
pub fn curve(name: &str, column: &str) -> Result<Curve> {
    let known = || CURVES.map(|(known, _)| known).join(", ");
    let found = CURVES.iter().find(|(known, _)| *known == name);
    let (_, text) = found.with_context(|| format!("no published curves named `{name}` (there are: {})", known()))?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns: Vec<String> = reader.headers()?.iter().map(String::from).collect();
    let known = || format!("no column `{column}` in `{name}` (there are: {})", columns[1..].join(", "));
    let index = columns.iter().skip(1).position(|known| known == column).with_context(known)? + 1;
    reader.records().map(|row| row.map(|row| Ok((row[0].parse()?, row[index].parse()?)))?).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_cell_is_a_number_in_order_of_steps() {
        for (name, text) in CURVES {
            let rows = text.lines().count() - 1;
            for column in text.lines().next().unwrap().split(',').skip(1) {
                let points = curve(name, column).unwrap();
                assert_eq!(points.len(), rows, "{name} {column}");
                assert!(points.is_sorted_by(|a, b| a.0 < b.0), "{name} {column}");
            }
        }
    }

    #[test]
    fn widths_and_distances_are_those_of_their_bands() {
        for (column, network) in [("std", "standard"), ("bn", "bn")] {
            let band = |figure: &str, end: &str| curve(&format!("{figure}_band_{network}"), end).unwrap();
            let (low, high) = (band("fig4a_loss", "lo"), band("fig4a_loss", "hi"));
            let width = curve("fig4a_loss_band_width", column).unwrap();
            for ((low, high), width) in low.iter().zip(&high).zip(&width) {
                assert!(width.0 == low.0 && (high.1 - low.1 - width.1).abs() < 1e-4, "{column} {width:?}");
            }
            assert_eq!(curve("fig4b_gradient_distance", column).unwrap(), band("fig4b_gradient", "hi"));
        }
    }

    /// Means over the whole run, computed apart from this program (in Python, from the same files).
    #[test]
    fn figure_2_over_the_whole_run() {
        for (column, expected) in [("std", 88.6), ("bn", 94.4), ("noisy", 92.8)] {
            let points = curve("fig2_train_acc", column).unwrap();
            let mean = points.iter().map(|point| point.1).sum::<f64>() / points.len() as f64;
            assert!((mean - expected).abs() < 0.05, "{column}: {mean}");
        }
    }

    #[test]
    fn mistakes_name_what_exists() {
        assert!(curve("fig9", "std").unwrap_err().to_string().contains("fig2_train_acc"));
        assert!(curve("fig2_train_acc", "none").unwrap_err().to_string().ends_with("(there are: std, bn, noisy)"));
    }
}
