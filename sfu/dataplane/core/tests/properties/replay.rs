use std::collections::HashSet;

use dataplane_core::replay::{ReceiveIndex, Replay, Unwrapper, Window};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_window_agrees_with_a_set_of_all_that_came(steps in prop::collection::vec(-300_i64..300, 1..400)) {
        let (mut window, mut all) = (Window::<4>::default(), HashSet::new());
        let (mut at, mut highest) = (10_000_i64, None::<u64>);
        for step in steps {
            at = (at + step).max(0);
            let index = at as u64;
            let expected = match highest {
                Some(highest) if index + 256 <= highest => Err(Replay::TooOld),
                _ if all.contains(&index) => Err(Replay::Duplicate),
                _ => Ok(()),
            };
            prop_assert_eq!(window.check(index), expected);
            window.accept(index);
            if expected != Err(Replay::TooOld) {
                all.insert(index);
            }
            highest = highest.max(Some(index));
            prop_assert_eq!(window.highest(), highest);
        }
    }

    #[test]
    fn an_index_is_found_back_from_its_lowest_16_bits(start in 0_u64..65_536, steps in prop::collection::vec(-500_i64..30_000, 1..100)) {
        let mut state = ReceiveIndex::new();
        let mut unwrapper = Unwrapper::new();
        state.accept(start);
        let offset = unwrapper.unwrap(start as u16) - start;
        let mut highest = start;
        for step in steps {
            let index = highest.saturating_add_signed(step);
            prop_assert_eq!(state.estimate(index as u16), index);
            prop_assert_eq!(unwrapper.unwrap(index as u16), index + offset);
            state.accept(index);
            highest = highest.max(index);
        }
    }

    #[test]
    fn any_estimate_ends_in_the_sequence_number(highest in 0_u64..1 << 48, seq: u16) {
        let mut state = ReceiveIndex::new();
        state.accept(highest);
        let estimate = state.estimate(seq);
        prop_assert_eq!(estimate as u16, seq);
        prop_assert!(estimate.abs_diff(highest) <= 0x8000 || highest < 0x1_0000);
    }
}
