//! A normalisation as four settings.

use serde::{Deserialize, Serialize};

use super::word::Worded;

/// A normalisation with a learnt scale γ and shift β: over what it takes its statistics, by what it divides, which
/// statistics it uses, and what its gradient passes through.
///
/// In a study file a word (`"batch"`, `"l1"`, ...; `"none"` for no normalisation), or a table of these settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Norm {
    /// The axes that one mean and one divisor are taken over.
    pub axes: NormAxes,
    /// The divisor of the values less their mean.
    pub divisor: NormDivisor,
    /// The statistics that training uses.
    pub statistics: NormStatistics,
    /// The statistics that the gradient passes through.
    pub backward: NormBackward,
}

/// The axes that one mean and one divisor are taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NormAxes {
    /// The minibatch, and height and width of an image: one mean and divisor per channel (Ioffe & Szegedy 2015).
    #[default]
    Batch,
}

/// The divisor of the values y less their mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NormDivisor {
    /// The standard deviation (Ioffe & Szegedy 2015).
    #[default]
    StandardDeviation,
    /// The mean of |y| before the mean of y is subtracted (Santurkar et al. 2018, section 3.3).
    L1,
    /// The root mean square of y before the mean of y is subtracted.
    L2,
    /// The largest |y| before the mean of y is subtracted.
    Linf,
    /// `L1` over its value for standard normal numbers, so that outputs have BatchNorm's variance where y is normal and
    /// centred. (`L2` has it as it is.)
    L1Matched,
    /// `Linf` matched in the same way.
    LinfMatched,
}

/// The statistics that training uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NormStatistics {
    /// Those of the values themselves.
    #[default]
    Live,
}

/// The statistics that the gradient passes through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NormBackward {
    /// Both the mean and the divisor.
    #[default]
    Full,
}

impl Norm {
    /// Batch normalisation (Ioffe & Szegedy 2015).
    pub const BATCH: Norm = Norm::by(NormDivisor::StandardDeviation);

    /// As batch normalisation, with another divisor.
    pub const fn by(divisor: NormDivisor) -> Norm {
        Norm { axes: NormAxes::Batch, divisor, statistics: NormStatistics::Live, backward: NormBackward::Full }
    }
}

/// The words of study files and identities, with their meanings.
const WORDS: [(&str, Option<Norm>); 7] = [
    ("none", None),
    ("batch", Some(Norm::BATCH)),
    ("l1", Some(Norm::by(NormDivisor::L1))),
    ("l2", Some(Norm::by(NormDivisor::L2))),
    ("linf", Some(Norm::by(NormDivisor::Linf))),
    ("l1_matched", Some(Norm::by(NormDivisor::L1Matched))),
    ("linf_matched", Some(Norm::by(NormDivisor::LinfMatched))),
];

impl Worded for Norm {
    fn words() -> Vec<(&'static str, Option<Self>)> {
        WORDS.into()
    }

    fn word(&self) -> Option<&'static str> {
        WORDS.iter().find(|(_, meaning)| meaning.as_ref() == Some(self)).map(|(word, _)| *word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::word;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder {
        #[serde(with = "word")]
        norm: Option<Norm>,
    }

    fn read(text: &str) -> Result<Option<Norm>, String> {
        toml::from_str(&format!("norm = {text}")).map(|holder: Holder| holder.norm).map_err(|error| error.to_string())
    }

    /// Identities are made of the words, so a normalisation that has one is always written as the word.
    #[test]
    fn a_table_and_its_word_are_one_setting() {
        for (word, table) in [
            ("batch", "{}"),
            (
                "batch",
                "{ axes = \"batch\", divisor = \"standard_deviation\", statistics = \"live\", backward = \"full\" }",
            ),
            ("l1", "{ divisor = \"l1\" }"),
            ("linf_matched", "{ divisor = \"linf_matched\" }"),
        ] {
            let norm = read(table).unwrap();
            assert_eq!(read(&format!("\"{word}\"")).unwrap(), norm);
            assert_eq!(serde_json::to_string(&Holder { norm }).unwrap(), format!("{{\"norm\":\"{word}\"}}"));
            assert_eq!(toml::Table::try_from(norm.unwrap()).ok(), word::spelt_out::<Norm>(word));
        }
        assert_eq!(read("\"none\""), Ok(None));
        assert_eq!(word::spelt_out::<Norm>("none"), None);
    }

    #[test]
    fn mistakes_list_what_there_is() {
        let word = read("\"bach\"").unwrap_err();
        assert!(word.contains("`bach`") && word.contains("`none`") && word.contains("`batch`"), "{word}");
        let key = read("{ divide = \"l1\" }").unwrap_err();
        assert!(key.contains("`divide`") && key.contains("`divisor`"), "{key}");
        assert!(read("3").unwrap_err().contains("a table of its settings"));
    }
}
