//! Random steps; a failing sequence is printed as a list of [`Step`]s.

use proptest::prelude::*;

use crate::checker::{Checker, Step};

proptest! {
    #[test]
    fn whatever_happens_the_rules_hold(steps in prop::collection::vec(step(), 0..300)) {
        let mut checker = Checker::new();
        for step in steps {
            checker.take(step);
        }
        checker.finish();
    }
}

fn step() -> impl Strategy<Value = Step> {
    any::<[u8; 2]>().prop_map(Step::from_bytes)
}
