//! How often things happened in random sequences: a rule that they never reach is not tested by them.

use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts what `event` is: a value's `Debug` form up to its fields.
    pub(crate) fn count(&mut self, event: &str) {
        let name: String = event.chars().take_while(|c| c.is_alphanumeric() || *c == ' ').collect();
        *self.counts.entry(name.trim().to_owned()).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Tally) {
        for (name, count) in &other.counts {
            *self.counts.entry(name.clone()).or_default() += count;
        }
    }

    fn of(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or_default()
    }

    /// Those of the names that never happened.
    pub(crate) fn missing<'a>(&self, names: &[&'a str]) -> Vec<&'a str> {
        names.iter().copied().filter(|name| self.of(name) == 0).collect()
    }
}
