//! `--name NUMBER` words.

use crate::run::Failure;

/// The number that follows a name.
pub(crate) fn number(words: &[String], name: &str) -> Result<Option<u64>, Failure> {
    let Some(place) = words.iter().position(|word| word == name) else {
        return Ok(None);
    };
    let value = words.get(place + 1).and_then(|value| value.parse().ok());
    value.map(Some).ok_or_else(|| Failure(format!("{name} needs a number")))
}

/// Refuses words that are none of these names, each with a number.
pub(crate) fn only(words: &[String], names: &[&str]) -> Result<(), Failure> {
    let unknown = words.iter().step_by(2).find(|word| !names.contains(&word.as_str()));
    unknown.map_or(Ok(()), |word| Err(Failure(format!("{word} is none of {}", names.join(", ")))))
}
