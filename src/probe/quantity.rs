//! The meaning of one name among a probe's records: its unit, its direction, its value after a divergence.

/// A measured quantity, as the probe declares it. Judge, tables and pictures ask it; nobody reads a meaning out of a
/// record's name.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    /// The name of its records.
    pub name: String,
    /// Its unit.
    pub unit: &'static str,
    /// Which direction is better.
    pub better: Better,
    /// Its value after a divergence.
    pub after_divergence: AfterDivergence,
    /// The layers that it is measured at; none for a quantity of the whole network.
    pub layers: Vec<usize>,
    /// When it is measured.
    pub when: When,
}

/// Which direction of a quantity is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// More of it.
    Higher,
    /// Less of it.
    Lower,
    /// Neither: it describes, and a claim says what it expects.
    Neither,
}

/// The value that counts from a divergence on, at every point at which the quantity would have been measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterDivergence {
    /// Nothing: a network that is gone has no such quantity, and the trial counts as far as it was measured.
    Nothing,
    /// +∞, the worst loss.
    Infinity,
    /// The `chance` level, the accuracy of guessing.
    Chance,
}

/// When a quantity is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Along the run.
    Along,
    /// At the end of the run, which is what it is about.
    End,
    /// At the end of the run alone, because the probe's settings leave it out along the run.
    EndBySettings,
}

impl Quantity {
    /// A quantity of the whole network that describes: neither direction is better, and nothing counts after a divergence.
    pub(crate) fn new(name: impl Into<String>, unit: &'static str) -> Self {
        let (better, after_divergence) = (Better::Neither, AfterDivergence::Nothing);
        Quantity { name: name.into(), unit, better, after_divergence, layers: Vec::new(), when: When::Along }
    }

    /// A loss that training minimises, in its own unit.
    pub(crate) fn loss(name: impl Into<String>) -> Self {
        let (better, after_divergence) = (Better::Lower, AfterDivergence::Infinity);
        Quantity { better, after_divergence, ..Quantity::new(name, "loss") }
    }

    /// An accuracy, in percent.
    pub(crate) fn accuracy(name: impl Into<String>) -> Self {
        let (better, after_divergence) = (Better::Higher, AfterDivergence::Chance);
        Quantity { better, after_divergence, ..Quantity::new(name, "%") }
    }

    /// The same, measured at each of `layers`.
    pub(crate) fn at(self, layers: &[usize]) -> Self {
        Quantity { layers: layers.to_vec(), ..self }
    }

    /// The same, measured then.
    pub(crate) fn when(self, when: When) -> Self {
        Quantity { when, ..self }
    }

    /// Its value after a divergence in a trial whose data have as many `classes`; `None` where nothing counts.
    pub(crate) fn value_after_divergence(&self, classes: usize) -> Option<f64> {
        match self.after_divergence {
            AfterDivergence::Nothing => None,
            AfterDivergence::Infinity => Some(f64::INFINITY),
            AfterDivergence::Chance => chance(classes),
        }
    }
}

/// The accuracy of guessing among as many `classes`, in percent; `None` where there are none.
pub(crate) fn chance(classes: usize) -> Option<f64> {
    (classes > 0).then(|| 100.0 / classes as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_divergence_a_loss_is_infinite_an_accuracy_is_chance_and_nothing_else_counts() {
        assert_eq!(Quantity::loss("l").value_after_divergence(10), Some(f64::INFINITY));
        assert_eq!(Quantity::accuracy("a").value_after_divergence(10), Some(10.0));
        assert_eq!(Quantity::accuracy("a").value_after_divergence(100), Some(1.0));
        assert_eq!(Quantity::accuracy("a").value_after_divergence(0), None);
        assert_eq!(Quantity::new("loss_band", "loss").value_after_divergence(10), None, "a name says nothing");
    }
}
