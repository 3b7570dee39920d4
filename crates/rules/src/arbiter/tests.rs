use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{ArbiterId, ArbiterSet};

fn set(numbers: &BTreeSet<u16>) -> ArbiterSet {
    numbers.iter().map(|number| ArbiterId(*number)).collect()
}

fn numbers(set: &ArbiterSet) -> BTreeSet<u16> {
    set.iter().map(|arbiter| arbiter.0).collect()
}

fn any_numbers() -> impl Strategy<Value = BTreeSet<u16>> {
    prop::collection::btree_set(prop_oneof![0_u16..70, 120_u16..400], 0..12)
}

#[test]
fn arbiters_come_in_ascending_order() {
    let set: ArbiterSet = [64, 3, 200, 63].map(ArbiterId).into_iter().collect();

    let order: Vec<u16> = set.iter().map(|arbiter| arbiter.0).collect();
    assert_eq!(order, [3, 63, 64, 200]);
    assert_eq!(set.len(), 4);
}

proptest! {
    /// Also that sets with the same arbiters are equal, whatever was in them before.
    #[test]
    fn a_set_holds_what_a_set_of_numbers_holds(
        first in any_numbers(),
        second in any_numbers(),
        asked in 0_u16..400,
    ) {
        let mut united = set(&first);
        united.unite(&set(&second));
        let expected: BTreeSet<u16> = first.union(&second).copied().collect();
        prop_assert_eq!(numbers(&united), expected.clone());
        prop_assert_eq!(&united, &set(&expected));
        prop_assert_eq!(united.contains(ArbiterId(asked)), expected.contains(&asked));

        for number in &second {
            united.remove(ArbiterId(*number));
        }
        united.remove(ArbiterId(1_000));
        let left: BTreeSet<u16> = first.difference(&second).copied().collect();
        prop_assert_eq!(&united, &set(&left));
        prop_assert_eq!(united.is_empty(), left.is_empty());
    }
}
