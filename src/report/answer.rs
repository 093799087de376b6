//! The answer: two or three sentences that follow from the verdicts, and from nothing else.

use anyhow::Result;
use minijinja::context;
use minijinja::value::Serde;

use super::numbers::fixed;
use super::templates;
use super::view::{Condition, View};
use crate::groups::grouped;
use crate::judge::Verdict;
use crate::study::claim::Role;

/// The answer's sentences, most important first.
///
/// The first says the fate of the [`opening`] claim, the second what follows from that in the study's own words, and
/// the last what became of the other claims.
pub fn answer(verdicts: &[Verdict]) -> Result<Vec<String>> {
    let opening = opening(verdicts);
    let is_other =
        |verdict: &&Verdict| verdict.criterion.is_some() && opening.is_some_and(|first| first.id != verdict.id);
    let mut others = grouped(verdicts.iter().filter(is_other).map(|verdict| (verdict.word, &verdict.id)));
    others.sort_by_key(|(word, _)| *word);
    let facts = context! { opening => opening.map(templates::verdict), others => Serde(others) };
    Ok(templates::render("answer.md", facts)?.lines().map(str::to_owned).collect())
}

/// The primary claim; in a study without one the first that has a criterion, or the first of all.
pub fn opening(verdicts: &[Verdict]) -> Option<&Verdict> {
    let primary = verdicts.iter().find(|verdict| verdict.role == Role::Primary);
    primary.or(verdicts.iter().find(|verdict| verdict.criterion.is_some())).or(verdicts.first())
}

/// How the arms of the primary claim fared, so that the reader knows what is compared with what; `None` without such a
/// claim, where no accuracy was recorded, or where it compares no arms but values.
pub fn behind(view: &View) -> Result<Option<String>> {
    let Some((claim, _)) = view.claims().find(|(claim, _)| claim.role == Role::Primary) else { return Ok(None) };
    let names = claim.names();
    let accuracy = |condition: &Condition| Some(fixed(condition.summary.train_accuracy.as_ref()?.mean?.point, 1));
    let arm = |condition: &Condition| {
        let (stuck, trials) = (condition.summary.stuck.len(), condition.summary.trials);
        context! { name => &condition.arm.name, accuracy => accuracy(condition), stuck, trials }
    };
    let named: Vec<&Condition> = view.shown().filter(|condition| names.contains(condition.arm.name.as_str())).collect();
    if named.iter().all(|condition| accuracy(condition).is_none()) {
        return Ok(None);
    }
    let mostly_stuck = |condition: &&&Condition| 2 * condition.summary.stuck.len() > condition.summary.trials;
    let stuck_arms = named.iter().filter(mostly_stuck).map(|stuck| (stuck.summary.stuck_below, arm(stuck)));
    let facts = context! {
        arms => named.iter().map(|condition| arm(condition)).collect::<Vec<_>>(),
        stuck_arms => grouped(stuck_arms),
    };
    templates::render("behind.md", facts).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Word;
    use crate::study::claim::Origin;

    fn verdict(id: &str, role: Role, word: Word) -> Verdict {
        Verdict {
            id: id.into(),
            role,
            exploratory: false,
            origin: Origin::Paper,
            says: "A beats B".into(),
            word,
            means: None,
            unit: "points".into(),
            point: Some(2.0),
            ci95: Some((1.0, 3.0)),
            factor_point: None,
            factor_ci95: None,
            seeds: 8,
            criterion: Some("> 0".into()),
            paper_value: Some(4.1),
            paper_value_of: Some("all steps".into()),
            paper_source: Some("fig. 2".into()),
            settled: true,
            p_t: None,
            p_sign_flip: None,
            p_holm: None,
            parts: Vec::new(),
            beside: Vec::new(),
            chosen: Vec::new(),
            notes: vec!["A remark.".into()],
        }
    }

    const NUMBERS: &str = "(2.0 [1.0, 3.0] points; needed: > 0; the paper: 4.10)";

    /// Nothing but "replicated" and "supported" may read like a yes.
    #[test]
    fn each_word_has_its_sentence() {
        for (word, expected) in [
            (Word::Replicated, format!("The paper's claim is replicated: “A beats B” {NUMBERS}.")),
            (Word::Supported, format!("The paper's claim is supported: “A beats B” {NUMBERS}.")),
            (Word::NotReplicated, format!("The paper's claim is not replicated: “A beats B” fails here {NUMBERS}.")),
            (Word::NotSupported, format!("The paper's claim is not supported: “A beats B” fails here {NUMBERS}.")),
            (Word::Inconclusive, format!("The verdict is inconclusive on “A beats B” {NUMBERS}.")),
            (
                Word::DependsOnTheReading,
                format!("“A beats B” depends on how it is read, and is not decided {NUMBERS}. A remark."),
            ),
            (Word::Descriptive, format!("There is no verdict on “A beats B”, only an estimate {NUMBERS}. A remark.")),
            (Word::NotJudged, format!("“A beats B” was not judged {NUMBERS}. A remark.")),
        ] {
            assert_eq!(answer(&[verdict("N1", Role::Primary, word)]).unwrap(), [expected]);
        }
    }

    #[test]
    fn the_meaning_is_the_verdicts_and_the_others_are_counted() {
        let primary = Verdict {
            means: Some("So it is.".into()),
            exploratory: true,
            ..verdict("N1", Role::Primary, Word::Replicated)
        };
        let others = [("N2", Word::NotReplicated), ("A1", Word::Replicated), ("N3", Word::Replicated)];
        let others = others.map(|(id, word)| verdict(id, Role::Secondary, word));
        let estimate_only = Verdict { criterion: None, ..verdict("recovery", Role::Descriptive, Word::Descriptive) };
        let all = [&[primary][..], &others, &[estimate_only]].concat();
        let sentences = answer(&all).unwrap();
        assert!(sentences[0].starts_with("In this exploratory run: The paper's claim is replicated"), "{sentences:?}");
        assert_eq!(sentences[1], "So it is.");
        assert_eq!(sentences[2], "Of the other claims, A1 and N3 are replicated; N2 is not replicated.");
        assert_eq!(sentences.len(), 3);
    }

    #[test]
    fn a_study_without_a_primary_claim_opens_with_what_it_has() {
        let estimate = Verdict { criterion: None, ..verdict("T1", Role::Descriptive, Word::Descriptive) };
        assert!(answer(std::slice::from_ref(&estimate)).unwrap()[0].starts_with("There is no verdict on “A beats B”"));
        let judged = verdict("T2", Role::Exploratory, Word::Supported);
        let sentences = answer(&[estimate, Verdict { exploratory: true, ..judged }]).unwrap();
        assert_eq!(sentences, [format!("The paper's claim is supported: “A beats B” {NUMBERS}.")]);
    }

    #[test]
    fn a_study_without_claims_says_so() {
        assert!(answer(&[]).unwrap()[0].contains("judges no claim"));
    }
}
