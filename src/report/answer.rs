//! The answer: two or three sentences that follow from the verdicts, and from nothing else.

use super::numbers;
use super::view::{Condition, View};
use crate::groups::grouped;
use crate::judge::{Verdict, Word};
use crate::study::claim::{Origin, Role};

/// The answer's sentences, most important first.
///
/// The first says the fate of the [`opening`] claim, the second what follows from that in the study's own words, and
/// the last what became of the other claims.
pub fn answer(verdicts: &[Verdict]) -> Vec<String> {
    let opening = opening(verdicts);
    let mut sentences: Vec<String> = opening.map(bottom_line).into_iter().collect();
    sentences.extend(opening.and_then(|verdict| verdict.means.clone()));
    let is_other =
        |verdict: &&Verdict| verdict.criterion.is_some() && opening.is_some_and(|first| first.id != verdict.id);
    let others: Vec<&Verdict> = verdicts.iter().filter(is_other).collect();
    sentences.extend(fate_of_others(&others));
    if sentences.is_empty() {
        sentences.push("This study judges no claim: its tables and figures show what was measured.".into());
    }
    sentences
}

/// The primary claim; in a study without one the first that has a criterion, or the first of all.
pub fn opening(verdicts: &[Verdict]) -> Option<&Verdict> {
    let primary = verdicts.iter().find(|verdict| verdict.role == Role::Primary);
    primary.or(verdicts.iter().find(|verdict| verdict.criterion.is_some())).or(verdicts.first())
}

/// How the arms of the primary claim fared, so that the reader knows what is compared with what; `None` without such a
/// claim, where no accuracy was recorded, or where it compares no arms but values.
pub fn behind(view: &View) -> Option<String> {
    let (claim, _) = view.claims().find(|(claim, _)| claim.role == Role::Primary)?;
    let arms = claim.names();
    let shown: Vec<&Condition> = view.shown().filter(|condition| arms.contains(condition.arm.name.as_str())).collect();
    let level = |condition: &&Condition| {
        let mean = condition.summary.train_accuracy.as_ref()?.mean?;
        Some(format!("`{}` {} %", condition.arm.name, numbers::fixed(mean.point, 1)))
    };
    let levels: Vec<String> = shown.iter().filter_map(level).collect();
    if levels.is_empty() {
        return None;
    }
    let mut text = format!("Behind it, training accuracy over the run: {}.", levels.join(", "));
    for condition in shown {
        let (stuck, trials) = (condition.summary.stuck.len(), condition.summary.trials);
        if let Some(stuck_below) = condition.summary.stuck_below.filter(|_| 2 * stuck > trials) {
            text += &format!(
                " `{}` had hardly begun to learn: {stuck} of {trials} seeds were under {stuck_below} % after a quarter \
                 of the run, so whatever is compared with it is compared with a network that barely trains at this \
                 length of run.",
                condition.arm.name
            );
        }
    }
    Some(text)
}

/// The fate of a claim, with its numbers.
fn bottom_line(verdict: &Verdict) -> String {
    let whose = match verdict.origin {
        Origin::Paper => "The paper's claim",
        Origin::Critique => "The critics' claim",
        Origin::Ours => "Our claim",
    };
    let says = &verdict.says;
    let fate = match verdict.word {
        Word::Replicated | Word::Supported => format!("{whose} is {}: “{says}”", verdict.word),
        Word::NotReplicated | Word::NotSupported => format!("{whose} is {}: “{says}” fails here", verdict.word),
        Word::Inconclusive => format!("The verdict is inconclusive on “{says}”"),
        Word::DependsOnTheReading => format!("“{says}” depends on how it is read, and is not decided"),
        Word::Descriptive => format!("There is no verdict on “{says}”, only an estimate"),
        Word::NotJudged => format!("“{says}” was not judged"),
    };
    let by_its_run = verdict.exploratory && verdict.role != Role::Exploratory;
    let prefix = if by_its_run { "In this exploratory run: " } else { "" };
    format!("{prefix}{fate}{}.{}", in_numbers(verdict), reason(verdict))
}

fn in_numbers(verdict: &Verdict) -> String {
    let Some(ours) = numbers::ours(verdict, &format!(" {}", verdict.unit), ", ") else { return String::new() };
    let mut numbers = vec![ours];
    numbers.extend(verdict.criterion.as_ref().map(|criterion| format!("needed: {criterion}")));
    numbers.extend(verdict.paper_value.map(|paper| format!("the paper: {}", numbers::plain(paper))));
    format!(" ({})", numbers.join("; "))
}

/// The judge's own remarks, where the word does not explain itself.
fn reason(verdict: &Verdict) -> String {
    match verdict.word {
        Word::DependsOnTheReading | Word::Descriptive | Word::NotJudged => {
            verdict.notes.iter().map(|note| format!(" {note}")).collect()
        }
        _ => String::new(),
    }
}

/// One sentence on the other claims, word by word; `None` without any.
fn fate_of_others(others: &[&Verdict]) -> Option<String> {
    let mut fates = grouped(others.iter().map(|verdict| (verdict.word, verdict.id.as_str())));
    fates.sort_by_key(|fate| fate.0);
    let fates = fates.iter().map(|(word, ids)| format!("{} {}", listed(ids), said_of(*word, ids.len())));
    (!others.is_empty()).then(|| format!("Of the other claims, {}.", fates.collect::<Vec<_>>().join("; ")))
}

fn said_of(word: Word, count: usize) -> String {
    let (is, does, has) = if count == 1 { ("is", "depends", "has") } else { ("are", "depend", "have") };
    match word {
        Word::DependsOnTheReading => format!("{does} on the reading"),
        Word::Descriptive => format!("{has} an estimate only"),
        word => format!("{is} {word}"),
    }
}

fn listed(ids: &[&str]) -> String {
    match ids {
        [] => String::new(),
        [one] => (*one).into(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(answer(&[verdict("N1", Role::Primary, word)]), [expected]);
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
        let sentences = answer(&all);
        assert!(sentences[0].starts_with("In this exploratory run: The paper's claim is replicated"), "{sentences:?}");
        assert_eq!(sentences[1], "So it is.");
        assert_eq!(sentences[2], "Of the other claims, A1 and N3 are replicated; N2 is not replicated.");
        assert_eq!(sentences.len(), 3);
    }

    #[test]
    fn a_study_without_a_primary_claim_opens_with_what_it_has() {
        let estimate = Verdict { criterion: None, ..verdict("T1", Role::Descriptive, Word::Descriptive) };
        assert!(answer(std::slice::from_ref(&estimate))[0].starts_with("There is no verdict on “A beats B”"));
        let judged = verdict("T2", Role::Exploratory, Word::Supported);
        let sentences = answer(&[estimate, Verdict { exploratory: true, ..judged }]);
        assert_eq!(sentences, [format!("The paper's claim is supported: “A beats B” {NUMBERS}.")]);
    }

    #[test]
    fn a_study_without_claims_says_so() {
        assert!(answer(&[])[0].contains("judges no claim"));
    }
}
