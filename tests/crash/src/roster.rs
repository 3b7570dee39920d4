//! Who takes part in a round, drawn from its seed.

use castmq_load::random::Random;
use castmq_load::wire::Version;

use crate::clients::subscriber::{Habit, Last};
use crate::clients::{inspection, publisher, subscriber, will, writer};

/// Numbers of writers begin here.
const WRITERS: u16 = 2000;
/// Numbers of clients with a will begin here.
const WILLS: u16 = 3000;
/// Topics with retained messages of each writer.
const RETAINED_TOPICS: usize = 6;

/// All clients of a round.
#[derive(Clone, Debug)]
pub(crate) struct Roster {
    pub(crate) publishers: Vec<publisher::Plan>,
    pub(crate) subscribers: Vec<subscriber::Plan>,
    pub(crate) writers: Vec<writer::Plan>,
    pub(crate) wills: Vec<will::Plan>,
}

impl Roster {
    /// Draws one.
    pub(crate) fn draw(random: &mut Random) -> Self {
        let pause_millis = *random.one_of(&[2, 8, 16]);
        let publishers = (0..8)
            .map(|number| draw_publisher(number, pause_millis, random))
            .collect();
        let writers = (0..2).map(|index| writer::Plan {
            number: WRITERS + index,
            version: version(random),
            topics: (0..RETAINED_TOPICS)
                .map(|topic| format!("retained/{index}/{topic}"))
                .collect(),
        });
        let writers = writers.collect();
        let wills = [
            (Version::V311, will::End::CutOff),
            (Version::V50, will::End::CutOff),
            (version(random), will::End::InOrder),
        ];
        let wills = (WILLS..).zip(wills);
        let wills = wills.map(|(number, (version, end))| will::Plan {
            number,
            version,
            topic: format!("will/{number}"),
            end,
        });
        Self {
            publishers,
            writers,
            wills: wills.collect(),
            subscribers: draw_subscribers(random),
        }
    }

    /// The topics by which subscriptions are probed.
    pub(crate) fn probes(&self) -> Vec<String> {
        subscriber::probes(&self.subscribers)
    }

    /// The last message of every publisher on every topic.
    pub(crate) fn lasts(&self) -> Vec<Last> {
        let load = self.publishers.iter().flat_map(|plan| {
            let topics = plan.topics.iter();
            topics.map(|topic| (plan.number, topic.clone()))
        });
        let published = |plan: &&will::Plan| plan.end == will::End::CutOff;
        let wills = self.wills.iter().filter(published);
        let wills = wills.map(|plan| (plan.number, plan.topic.clone()));
        let probes = self.probes().into_iter();
        let probes = probes.map(|topic| (inspection::PROBES, topic));
        load.chain(wills).chain(probes).collect()
    }
}

fn version(random: &mut Random) -> Version {
    *random.one_of(&[Version::V311, Version::V50])
}

/// Half of them with QoS 2, which needs a session that lasts; of the others one in two does without.
fn draw_publisher(number: u16, pause_millis: usize, random: &mut Random) -> publisher::Plan {
    let qos = if number < 4 { 1 } else { 2 };
    let is_transient = qos == 1 && number < 2;
    publisher::Plan {
        number,
        version: version(random),
        qos,
        topics: ["a", "b"]
            .map(|topic| format!("load/{number}/{topic}"))
            .to_vec(),
        window: 1 + random.below(20),
        pause_millis,
        session: if is_transient {
            publisher::SessionKind::Transient
        } else {
            publisher::SessionKind::Lasting
        },
        life_millis: number.is_multiple_of(2).then_some(900),
    }
}

fn draw_subscribers(random: &mut Random) -> Vec<subscriber::Plan> {
    let wide = |random: &mut Random| {
        let filters = ["load/#", "load/+/a", "load/+/+", "load/+/b"];
        vec![((*random.one_of(&filters)).to_owned(), qos(random))]
    };
    let everything = |qos| vec![("load/#".to_owned(), qos)];
    let overlapping = vec![
        ("load/#".to_owned(), 1),
        ("load/+/a".to_owned(), 2),
        (format!("load/{}/b", random.below(8)), 2),
    ];
    let narrow = |random: &mut Random| vec![(format!("load/{}/+", random.below(8)), qos(random))];
    let casts = [
        (Habit::Online, everything(2)),
        (Habit::Online, everything(1)),
        (Habit::Online, overlapping.clone()),
        (Habit::Online, vec![("will/#".to_owned(), 1)]),
        (Habit::Offline, everything(2)),
        (Habit::Offline, wide(random)),
        (Habit::Offline, overlapping),
        (Habit::Flapping, wide(random)),
        (Habit::Flapping, wide(random)),
        (Habit::Slow, wide(random)),
        (Habit::Slow, narrow(random)),
        (Habit::Churning, Vec::new()),
        (Habit::Churning, narrow(random)),
        (Habit::Discarding, narrow(random)),
        (Habit::Discarding, narrow(random)),
    ];
    let casts = casts.into_iter().enumerate();
    let plans = casts.map(|(index, (habit, filters))| subscriber::Plan {
        client_id: format!("{habit:?}-{index}").to_lowercase(),
        version: version(random),
        habit,
        filters,
    });
    plans.collect()
}

fn qos(random: &mut Random) -> u8 {
    1 + u8::from(random.percent(50))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_clients() {
        let draw = |seed| format!("{:?}", Roster::draw(&mut Random::new(seed, 0)));
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }
}
