//! Random actions on the queue beside what must hold after each.

use std::collections::BTreeMap;

use crosspoint_ids::ParticipantId;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Push { account: u8, participant: u8, origin: u8 },
    Answer { which: prop::sample::Index, answer: Answer, jitter: u32 },
    Pass(Duration),
}

fn step() -> impl Strategy<Value = Step> {
    let answer = prop_oneof![
        4 => Just(Answer::Accepted),
        1 => Just(Answer::Gone),
        3 => Just(Answer::Refused),
        3 => Just(Answer::Unwell { retry_after: None }),
        1 => Just(Answer::Unwell { retry_after: Some(Duration::from_secs(90)) }),
    ];
    prop_oneof![
        5 => (0..3u8, 0..6u8, 0..3u8)
            .prop_map(|(account, participant, origin)| Step::Push { account, participant, origin }),
        5 => (any::<prop::sample::Index>(), answer, any::<u32>())
            .prop_map(|(which, answer, jitter)| Step::Answer { which, answer, jitter }),
        2 => (0..4_000_000u64).prop_map(|millis| Step::Pass(Duration::from_millis(millis))),
    ]
}

const LIMITS: Limits = Limits {
    account_deliveries_max: 6,
    attempts_max: 5,
    account_attempts_max: 3,
    origin_attempts_max: 2,
    backoff_first: Duration::from_secs(1),
    backoff_max: Duration::from_secs(600),
    lifetime: Duration::from_secs(24 * 60 * 60),
};

/// The deliveries as a naive observer knows them.
struct World {
    queue: Queue,
    now: Timestamp,
    next_id: u64,
    /// Not finished.
    known: BTreeMap<u64, Delivery>,
    in_flight: BTreeMap<u64, Delivery>,
}

impl World {
    fn step(&mut self, step: Step) {
        match step {
            Step::Push { account, participant, origin } => self.push(account, participant, origin),
            Step::Answer { which, answer, jitter } => self.answer(which, answer, jitter),
            Step::Pass(time) => self.now = self.now + time,
        }
        self.poll();
    }

    fn push(&mut self, account: u8, participant: u8, origin: u8) {
        let delivery = Delivery {
            id: self.next_id,
            account: account.to_string().parse().unwrap(),
            participant: ParticipantId::new(Uuid::from_u128(
                u128::from(account) * 100 + u128::from(participant),
            )),
            url: format!("http://host{origin}/"),
            message_id: Uuid::nil(),
            body: String::new(),
            created_at: self.now,
        };
        self.next_id += 1;
        self.known.insert(delivery.id, delivery.clone());
        self.queue.push(self.now, delivery);
    }

    fn answer(&mut self, which: prop::sample::Index, answer: Answer, jitter: u32) {
        if self.in_flight.is_empty() {
            return;
        }
        let id = *self.in_flight.keys().nth(which.index(self.in_flight.len())).unwrap();
        self.in_flight.remove(&id);
        self.queue.handle_answer(self.now, id, answer, jitter);
    }

    fn poll(&mut self) {
        while let Some(output) = self.queue.poll(self.now) {
            match output {
                Output::Attempt(attempt) => self.check_attempt(&attempt.delivery),
                Output::Finished(finished) => {
                    assert!(self.known.remove(&finished.id).is_some(), "{} is finished twice", finished.id);
                    assert!(!self.in_flight.contains_key(&finished.id), "finished while in flight");
                }
            }
        }
        assert_eq!(self.queue.len(), self.known.len());
        assert!(self.queue.poll_timeout().is_none_or(|at| at > self.now), "a timer was left behind");
        for account in 0..3u8 {
            let of_account =
                self.known.values().filter(|known| known.account.as_str() == account.to_string());
            assert!(of_account.count() <= LIMITS.account_deliveries_max);
        }
    }

    fn check_attempt(&mut self, delivery: &Delivery) {
        assert!(self.known.contains_key(&delivery.id), "{} is finished", delivery.id);
        assert!(self.now.since(delivery.created_at) < LIMITS.lifetime, "{} is too old", delivery.id);
        let earlier = self
            .known
            .values()
            .find(|other| other.participant == delivery.participant && other.id < delivery.id);
        assert_eq!(earlier, None, "out of order");
        assert_eq!(self.in_flight.insert(delivery.id, delivery.clone()), None, "attempted twice at a time");
        assert!(self.in_flight.len() <= LIMITS.attempts_max);
        let of_account = || self.in_flight.values().filter(|other| other.account == delivery.account);
        assert!(of_account().count() <= LIMITS.account_attempts_max);
        let to_origin = of_account().filter(|other| other.url == delivery.url);
        assert!(to_origin.count() <= LIMITS.origin_attempts_max);
    }

    /// Everything is delivered in the end when receivers are well: nothing was forgotten inside.
    fn drain(&mut self) {
        let start = self.now;
        while !self.queue.is_empty() {
            while let Some((id, _)) = self.in_flight.pop_first() {
                self.queue.handle_answer(self.now, id, Answer::Accepted, 0);
            }
            self.poll();
            if self.in_flight.is_empty() {
                let Some(at) = self.queue.poll_timeout() else { break };
                self.now = at;
                self.poll();
            }
        }
        assert!(self.known.is_empty() && self.queue.is_empty(), "left behind: {:?}", self.known);
        assert!(self.now.since(start) <= LIMITS.backoff_max, "took too long");
        assert!(
            self.queue.timers.is_empty() && self.queue.ready.is_empty() && self.queue.attempts.is_empty()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_bounds_and_completeness_hold_whatever_happens(steps in prop::collection::vec(step(), 1..200)) {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let mut world = World {
            queue: Queue::new(LIMITS),
            now,
            next_id: 1,
            known: BTreeMap::new(),
            in_flight: BTreeMap::new(),
        };
        for step in steps {
            world.step(step);
        }
        world.drain();
    }
}
