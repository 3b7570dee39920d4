use super::{Chance, Group, Strategy, group_name};
use crate::pubsub::Subscriber;
use crate::testing::subscription;

fn group_of(members: u32) -> Group<u32> {
    let mut group = Group::default();
    for member in 0..members {
        group.insert(member, Subscriber::default());
    }
    group
}

fn chosen(group: &mut Group<u32>, strategy: Strategy, number: u64) -> u32 {
    let chance = Chance {
        random: number,
        client: number,
    };
    group.choose(strategy, chance, None).unwrap().0
}

fn chosen_by_turns(group: &mut Group<u32>, turns: usize) -> Vec<u32> {
    (0..turns)
        .map(|_| chosen(group, Strategy::RoundRobin, 0))
        .collect()
}

#[test]
fn round_robin_goes_through_all_members_before_it_starts_again() {
    let mut group = group_of(3);

    assert_eq!(chosen_by_turns(&mut group, 7), [0, 1, 2, 0, 1, 2, 0]);
}

#[test]
fn who_is_away_gets_nothing_while_another_member_is_connected() {
    let mut group = group_of(3);
    group.set_online(1, false);

    let mut reached = chosen_by_turns(&mut group, 6);
    reached.sort_unstable();
    assert_eq!(reached, [0, 0, 0, 2, 2, 2]);
}

#[test]
fn when_all_are_away_one_of_their_sessions_keeps_the_message() {
    let mut group = group_of(2);
    group.set_online(0, false);
    group.set_online(1, false);

    let mut reached = chosen_by_turns(&mut group, 4);
    reached.sort_unstable();
    assert_eq!(reached, [0, 0, 1, 1]);
}

#[test]
fn a_sticky_group_stays_with_its_member_until_that_one_goes_away() {
    let mut group = group_of(3);

    assert_eq!(chosen(&mut group, Strategy::Sticky, 2), 2);
    assert_eq!(chosen(&mut group, Strategy::Sticky, 0), 2);
    group.insert(9, Subscriber::default());
    assert_eq!(chosen(&mut group, Strategy::Sticky, 1), 2);
    group.set_online(2, false);
    let next = chosen(&mut group, Strategy::Sticky, 1);
    assert_ne!(next, 2);
    group.set_online(2, true);
    assert_eq!(chosen(&mut group, Strategy::Sticky, 0), next);
}

#[test]
fn messages_of_one_publisher_go_to_the_same_member() {
    let mut group = group_of(5);

    let first = chosen(&mut group, Strategy::HashClientId, 0xC0FFEE);
    assert_eq!(chosen(&mut group, Strategy::HashClientId, 0xC0FFEE), first);
}

#[test]
fn chance_reaches_every_member() {
    let mut group = group_of(4);

    let reached: Vec<u32> = (0..4)
        .map(|number| chosen(&mut group, Strategy::Random, number))
        .collect();
    assert_eq!(reached, [0, 1, 2, 3]);
}

/// Who of the group gets a message in place of one member, in as many turns.
fn chosen_instead_of(group: &mut Group<u32>, but: u32, turns: usize) -> Vec<Option<u32>> {
    let chosen = (0..turns).map(|_| {
        let chance = Chance::default();
        let chosen = group.choose(Strategy::RoundRobin, chance, Some(but));
        chosen.map(|(session, _)| session)
    });
    chosen.collect()
}

#[test]
fn a_message_of_a_session_that_ends_goes_to_any_other_member() {
    let mut group = group_of(3);

    assert_eq!(
        chosen_instead_of(&mut group, 1, 3),
        [Some(0), Some(2), Some(0)]
    );
    assert_eq!(
        chosen_instead_of(&mut group, 9, 3),
        [Some(0), Some(1), Some(2)]
    );
}

#[test]
fn a_message_of_the_only_connected_member_waits_for_one_that_is_away() {
    let mut group = group_of(2);
    group.set_online(0, false);

    assert_eq!(chosen_instead_of(&mut group, 1, 2), [Some(0), Some(0)]);
    assert_eq!(chosen_instead_of(&mut group, 0, 2), [Some(1), Some(1)]);
}

#[test]
fn a_message_of_the_only_member_goes_to_nobody_else() {
    assert_eq!(chosen_instead_of(&mut group_of(1), 0, 1), [None]);
}

#[test]
fn a_sticky_group_whose_member_ends_sticks_to_another() {
    let mut group = group_of(2);
    let first = chosen(&mut group, Strategy::Sticky, 0);
    let instead = group.choose(Strategy::Sticky, Chance::default(), Some(first));

    assert_ne!(instead.unwrap().0, first);
    assert_eq!(chosen(&mut group, Strategy::Sticky, 0), instead.unwrap().0);
}

#[test]
fn a_group_without_members_chooses_nobody() {
    let mut group = group_of(1);
    group.remove(0);

    assert_eq!(
        group.choose(Strategy::Sticky, Chance::default(), None),
        None
    );
}

#[test]
fn the_same_group_name_behind_another_filter_is_another_group() {
    assert_ne!(
        group_name(&subscription("$share/g/a")),
        group_name(&subscription("$share/g/b"))
    );
    assert_ne!(
        group_name(&subscription("$share/$queue/a")),
        group_name(&subscription("$queue/a"))
    );
    assert_eq!(group_name(&subscription("a")), None);
}
