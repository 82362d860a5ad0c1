//! Random sequences on model and oracle.
//!
//! The sequences are the same on every machine. `MODEL_CASES=20000` plays more of them. A sequence that fails is
//! made as short as possible and written to a file; `MODEL_REPLAY=<file>` plays that again:
//!
//! ```text
//! MODEL_REPLAY=<file> cargo test -p crosspoint-model --test model replayed
//! ```

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use crate::checks::Questions;
use crate::generate::sequence;
use crate::step_text::parse;
use crate::steps::Step;
use crate::tally::Tally;
use crate::world::play;

/// How many sequences are played unless `MODEL_CASES` says otherwise.
const CASES: u32 = 100;
/// How many steps a sequence has at most, after its opening.
const STEPS_MAX: usize = 150;

/// Refusals that random sequences must meet.
const REFUSALS: &[&str] = &[
    "NoSuchSession",
    "NoSuchParticipant",
    "NotInSession",
    "InAnotherSession",
    "SessionFull",
    "UnknownListedParticipant",
    "RowOfNoMember",
    "TooManySessions",
    "TooManyParticipants",
];

/// Everything else that random sequences must meet.
const EVENTS: &[&str] = &[
    "CreateSession",
    "DeleteSession",
    "CreateParticipant",
    "DeleteParticipant",
    "RenewToken",
    "AddParticipant",
    "RemoveParticipant",
    "SetSubscriptions",
    "SetMatrix",
    "start",
    "stop",
    "echo",
    "by list",
    "restart",
    "ParticipantEnded",
    "Replaced",
    "TokenRenewed",
    "taken back",
    "taken back with routes",
    "taken back with a device",
];

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, max_shrink_iters: 50_000, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

#[test]
fn random_sequences_do_what_the_oracle_says() {
    let cases = std::env::var("MODEL_CASES").map_or(CASES, |cases| cases.parse().expect("a number"));
    let tally = RefCell::new(Tally::default());
    let questions = Cell::new(Questions::Sometimes);
    let result = runner(cases).run(&sequence(STEPS_MAX), |steps| {
        let played = play(&steps, questions.get()).map_err(|broken| {
            questions.set(Questions::Always);
            TestCaseError::fail(broken)
        })?;
        tally.borrow_mut().add(&played);
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, steps)) => panic!("{}", written_down(&reason.to_string(), &steps)),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
    let tally = tally.into_inner();
    println!("{tally:#?}");
    let missing = [tally.missing(REFUSALS), tally.missing(EVENTS)].concat();
    assert!(missing.is_empty(), "never happened in {cases} sequences: {missing:?}");
}

/// Writes a failing sequence to a file; says what failed, and how to play it again.
fn written_down(reason: &str, steps: &[Step]) -> String {
    let lines: Vec<String> = steps.iter().map(Step::to_string).collect();
    let lines = lines.join("\n");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("model-failure.steps");
    let comment = reason.replace('\n', "\n# ");
    std::fs::write(&path, format!("# {comment}\n{lines}\n")).expect("the target directory can be written");
    let path = path.display();
    format!("{reason}\n\n{lines}\n\nplay it again with MODEL_REPLAY={path}")
}

/// Sequences that failed once, and the one that `MODEL_REPLAY` names.
#[test]
fn replayed_sequences_do_what_the_oracle_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/model/sequences");
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    assert!(!paths.is_empty());
    paths.extend(std::env::var_os("MODEL_REPLAY").map(PathBuf::from));
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let steps = parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if let Err(broken) = play(&steps, Questions::Always) {
            panic!("{}: {broken}", path.display());
        }
    }
}

#[test]
fn a_sequence_survives_its_text_form() {
    runner(100)
        .run(&sequence(STEPS_MAX), |steps| {
            let text: String = steps.iter().map(|step| format!("{step}\n")).collect();
            assert_eq!(parse(&text), Ok(steps));
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_text_that_is_no_sequence_is_refused() {
    for refused in
        ["dance", "add a0 s1", "add a0 s1 p1 all-of-them", "add a0 s1 p1 everybody more", "publish d1 t1"]
    {
        assert!(parse(refused).is_err(), "{refused}");
    }
}
