//! The queue on virtual time.

use crosspoint_ids::ParticipantId;
use uuid::Uuid;

use super::*;

const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A queue, a clock, and what came out.
struct World {
    queue: Queue,
    now: Timestamp,
    next_id: u64,
}

fn world(limits: Limits) -> World {
    World { queue: Queue::new(limits), now: START, next_id: 1 }
}

impl World {
    /// Hands in a delivery made now; its id.
    fn push(&mut self, account: &str, participant: u128, url: &str) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let delivery = Delivery {
            id,
            account: account.parse().unwrap(),
            participant: ParticipantId::new(Uuid::from_u128(participant)),
            url: url.to_owned(),
            message_id: Uuid::from_u128(u128::from(id)),
            body: "{}".to_owned(),
            created_at: self.now,
        };
        self.queue.push(self.now, delivery);
        id
    }

    /// Polls until nothing comes: ids to attempt and what is finished.
    fn run(&mut self) -> (Vec<u64>, Vec<(u64, Outcome)>) {
        let (mut attempts, mut finished) = (Vec::new(), Vec::new());
        while let Some(output) = self.queue.poll(self.now) {
            match output {
                Output::Attempt(attempt) => attempts.push(attempt.delivery.id),
                Output::Finished(done) => finished.push((done.id, done.outcome)),
            }
        }
        (attempts, finished)
    }

    /// The ids to attempt, when nothing is finished.
    fn attempts(&mut self) -> Vec<u64> {
        let (attempts, finished) = self.run();
        assert_eq!(finished, []);
        attempts
    }

    fn answer(&mut self, id: u64, answer: Answer) {
        self.queue.handle_answer(self.now, id, answer, u32::MAX);
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
    }

    /// Goes to the next timer; how long that took.
    fn pass_to_timer(&mut self) -> Duration {
        let passed = self.queue.poll_timeout().expect("a timer runs").since(self.now);
        self.pass(passed);
        passed
    }
}

const SILENT: Answer = Answer::Unwell { retry_after: None };

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn deliveries_of_a_participant_go_one_after_the_other() {
    let mut world = world(Limits::default());
    let ids = [1, 2, 3].map(|_| world.push("a", 7, "http://x/"));
    let other = world.push("a", 8, "http://x/");
    assert_eq!(world.attempts(), [ids[0], other]);
    world.answer(ids[0], Answer::Refused);
    assert!(world.attempts().is_empty());
    assert_eq!(world.pass_to_timer(), seconds(1));
    assert_eq!(world.attempts(), [ids[0]]);
    world.answer(ids[0], Answer::Accepted);
    assert_eq!(world.run(), (vec![ids[1]], vec![(ids[0], Outcome::Delivered)]));
    world.answer(ids[1], Answer::Accepted);
    assert_eq!(world.run(), (vec![ids[2]], vec![(ids[1], Outcome::Delivered)]));
}

#[test]
fn waits_double_and_end_with_the_lifetime() {
    let mut world = world(Limits::default());
    let id = world.push("a", 7, "http://x/");
    let mut waits = Vec::new();
    let finished = loop {
        let (attempts, finished) = world.run();
        if attempts.is_empty() {
            break finished;
        }
        world.answer(id, Answer::Refused);
        waits.push(world.pass_to_timer().as_secs());
    };
    assert_eq!(finished, [(id, Outcome::Dropped(DropReason::Expired))]);
    assert_eq!(world.now, START + seconds(24 * 60 * 60));
    assert_eq!(waits[..12], [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
    assert!(world.queue.is_empty());
    assert_eq!(world.queue.poll_timeout(), None);
}

#[test]
fn success_forgets_failures() {
    let mut world = world(Limits::default());
    let (first, second) = (world.push("a", 7, "http://x/"), world.push("a", 7, "http://x/"));
    for wait in [1, 2, 4] {
        assert_eq!(world.attempts(), [first]);
        world.answer(first, Answer::Refused);
        assert_eq!(world.pass_to_timer(), seconds(wait));
    }
    assert_eq!(world.attempts(), [first]);
    world.answer(first, Answer::Accepted);
    assert_eq!(world.run().0, [second]);
    world.answer(second, Answer::Refused);
    assert_eq!(world.pass_to_timer(), seconds(1));
}

#[test]
fn an_old_restored_delivery_is_not_attempted() {
    let mut world = world(Limits::default());
    let old = world.push("a", 7, "http://x/");
    world.pass(seconds(24 * 60 * 60));
    let new = world.push("a", 7, "http://x/");
    assert_eq!(world.run(), (vec![new], vec![(old, Outcome::Dropped(DropReason::Expired))]));
}

#[test]
fn gone_is_not_tried_again() {
    let mut world = world(Limits::default());
    let (first, second) = (world.push("a", 7, "http://x/"), world.push("a", 7, "http://x/"));
    assert_eq!(world.attempts(), [first]);
    world.answer(first, Answer::Gone);
    assert_eq!(world.run(), (vec![second], vec![(first, Outcome::Dropped(DropReason::Gone))]));
}

#[test]
fn a_receiver_may_ask_for_a_longer_rest_within_bounds() {
    for (asked, given) in [(0, 1), (30, 30), (100_000, 600)] {
        let mut world = world(Limits::default());
        let id = world.push("a", 7, "http://x/");
        assert_eq!(world.attempts(), [id]);
        world.answer(id, Answer::Unwell { retry_after: Some(seconds(asked)) });
        assert_eq!(world.pass_to_timer(), seconds(given), "asked for {asked}");
    }
}

#[test]
fn a_bad_url_is_given_up_at_once() {
    let mut world = world(Limits::default());
    let id = world.push("a", 7, "http://x:99999/");
    assert_eq!(world.run(), (vec![], vec![(id, Outcome::Dropped(DropReason::BadUrl))]));
    assert!(world.queue.is_empty());
}

#[test]
fn a_delivery_that_is_here_is_not_taken_twice() {
    let mut world = world(Limits::default());
    let id = world.push("a", 7, "http://x/");
    world.next_id = id;
    world.push("a", 7, "http://x/");
    assert_eq!(world.queue.len(), 1);
    assert_eq!(world.attempts(), [id]);
    world.answer(id, Answer::Accepted);
    world.answer(id, Answer::Accepted);
    assert_eq!(world.run(), (vec![], vec![(id, Outcome::Delivered)]));
}

#[test]
fn a_full_account_loses_its_oldest() {
    let mut world = world(Limits { account_deliveries_max: 3, ..Limits::default() });
    let dead = [1, 2].map(|_| world.push("a", 7, "http://dead/"));
    assert_eq!(world.attempts(), [dead[0]]);
    let live = world.push("a", 8, "http://live/");
    let elsewhere = world.push("b", 9, "http://live/");
    assert_eq!(world.attempts(), [live, elsewhere]);
    let next = world.push("a", 8, "http://live/");
    // The head is being attempted, so the one behind it goes.
    assert_eq!(world.run(), (vec![], vec![(dead[1], Outcome::Dropped(DropReason::Overflow))]));
    world.answer(dead[0], SILENT);
    let last = world.push("a", 8, "http://live/");
    assert_eq!(world.run(), (vec![], vec![(dead[0], Outcome::Dropped(DropReason::Overflow))]));
    assert_eq!(world.queue.poll_timeout(), None);
    world.answer(live, Answer::Accepted);
    world.answer(elsewhere, Answer::Accepted);
    let (attempts, finished) = world.run();
    assert_eq!(attempts, [next]);
    assert_eq!(finished, [(live, Outcome::Delivered), (elsewhere, Outcome::Delivered)]);
    world.answer(next, Answer::Accepted);
    assert_eq!(world.run().0, [last]);
}

#[test]
fn an_overflow_does_not_shorten_the_rest_of_a_lane() {
    let mut world = world(Limits { account_deliveries_max: 2, ..Limits::default() });
    let ids = [1, 2].map(|_| world.push("a", 7, "http://dead/"));
    assert_eq!(world.attempts(), [ids[0]]);
    world.answer(ids[0], SILENT);
    let third = world.push("a", 7, "http://dead/");
    assert_eq!(world.run(), (vec![], vec![(ids[0], Outcome::Dropped(DropReason::Overflow))]));
    assert_eq!(world.pass_to_timer(), seconds(1));
    assert_eq!(world.attempts(), [ids[1]]);
    world.answer(ids[1], Answer::Accepted);
    assert_eq!(world.run().0, [third]);
}

#[test]
fn when_all_are_in_flight_the_newest_is_refused() {
    let mut world = world(Limits { account_deliveries_max: 1, ..Limits::default() });
    let first = world.push("a", 7, "http://x/");
    assert_eq!(world.attempts(), [first]);
    let second = world.push("a", 8, "http://x/");
    assert_eq!(world.run(), (vec![], vec![(second, Outcome::Dropped(DropReason::Overflow))]));
}

#[test]
fn a_dead_receiver_leaves_places_to_the_others_of_its_account() {
    let mut world = world(Limits::default());
    let dead: Vec<u64> = (0..100).map(|n| world.push("a", n, "http://dead/")).collect();
    let live: Vec<u64> = (200..300).map(|n| world.push("a", n, "http://live/")).collect();
    let (mut attempts, _) = world.run();
    attempts.sort_unstable();
    // Half of the places each, while nothing is known of either.
    assert_eq!(attempts, [&dead[..4], &live[..4]].concat());
    // Nothing more of the dead one is needed for all of the live one to be delivered.
    let mut waiting: VecDeque<u64> = live[..4].iter().copied().collect();
    while let Some(id) = waiting.pop_front() {
        world.answer(id, Answer::Accepted);
        waiting.extend(world.run().0);
    }
    assert_eq!(world.queue.len(), 100);
    // Once it was silent, it gets one attempt at a time.
    world.pass(seconds(5));
    for id in &dead[..4] {
        world.answer(*id, SILENT);
    }
    assert_eq!(world.attempts(), [dead[4]]);
    world.pass(seconds(5));
    world.answer(dead[4], SILENT);
    assert_eq!(world.attempts().len(), 1);
}

#[test]
fn an_answer_of_any_kind_ends_the_bound_on_a_silent_origin() {
    let mut world = world(Limits::default());
    let ids: Vec<u64> = (0..20).map(|n| world.push("a", n, "http://x/")).collect();
    assert_eq!(world.attempts(), ids[..4]);
    for id in &ids[..4] {
        world.answer(*id, SILENT);
    }
    assert_eq!(world.attempts(), [ids[4]]);
    world.answer(ids[4], Answer::Refused);
    assert_eq!(world.attempts(), ids[5..9]);
}

#[test]
fn places_are_bounded_and_shared_out_in_turn() {
    let limits = Limits { attempts_max: 10, ..Limits::default() };
    let mut world = world(limits);
    let mut url = String::new();
    for n in 0..40 {
        url = format!("http://x{n}/");
        world.push("many", n, &url);
    }
    let few = world.push("few", 100, &url);
    let attempts = world.attempts();
    // Eight places of the greedy account, and the other's is not the last one given away.
    assert_eq!(attempts.len(), 9);
    assert_eq!(attempts[1], few);
    let third: Vec<u64> = (200..204).map(|n| world.push("third", n, &format!("http://y{n}/"))).collect();
    assert_eq!(world.attempts(), third[..1]);
    world.answer(attempts[0], Answer::Accepted);
    // A free place goes to whose turn it is, not back to whom it was.
    assert_eq!(world.run().0, third[1..2]);
}
