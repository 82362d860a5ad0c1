//! The two peer connections, as far as signalling cares: does anything get through?

use super::{Path, Side};

/// What is known of the two paths.
#[derive(Debug, Default)]
pub(super) struct Paths {
    publish: Known,
    subscribe: Known,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Known {
    /// It never was up.
    #[default]
    New,
    Up,
    Down,
}

impl Paths {
    pub(super) fn set(&mut self, side: Side, path: Path) {
        let known = match side {
            Side::Publish => &mut self.publish,
            Side::Subscribe => &mut self.subscribe,
        };
        *known = match (*known, path) {
            (_, Path::Up) => Known::Up,
            (Known::New, Path::Down) => Known::New,
            (Known::Up | Known::Down, Path::Down) => Known::Down,
        };
    }

    /// What the device published got through once, and no longer does.
    pub(super) fn is_publish_lost(&self) -> bool {
        self.publish == Known::Down
    }
}
