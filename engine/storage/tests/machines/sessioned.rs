//! Machines with sessions: each request once, whatever is repeated, restored or refused.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use proptest::collection::vec;
use proptest::prelude::*;
use quorate_core::ids::Height;
use quorate_storage::Mark;
use quorate_storage::machine::sessions::{Limits, Sessions, Stub};
use quorate_storage::machine::{Command, Envelope, HashMapMachine, MachineError, Reply, Sessioned, SnapshotSource, StateMachine};

use super::{apply, get, mark, set, state};

const LIMITS: Limits = Limits { sessions: 3, answer_bytes: 64 };

/// Says how many commands it has carried out, and fails at one of them.
#[derive(Clone, Debug, Default)]
struct Counter(u64);

impl StateMachine for Counter {
    fn apply(&mut self, command: &[u8]) -> Result<Vec<u8>, MachineError> {
        if command == b"fail" {
            return Err(MachineError::Refused("as it was told".into()));
        }
        self.0 += 1;
        Ok(self.0.to_le_bytes().to_vec())
    }

    fn snapshot(&self) -> Result<Box<dyn SnapshotSource>, MachineError> {
        struct Frozen(u64);
        impl SnapshotSource for Frozen {
            fn write_to(&mut self, to: &mut dyn io::Write) -> io::Result<()> {
                to.write_all(&self.0.to_le_bytes())
            }
        }
        Ok(Box::new(Frozen(self.0)))
    }

    fn restore(&mut self, _at: Mark, from: &mut dyn io::Read) -> Result<(), MachineError> {
        let mut bytes = [0; 8];
        from.read_exact(&mut bytes).map_err(|error| MachineError::Snapshot(std::sync::Arc::new(error)))?;
        self.0 = u64::from_le_bytes(bytes);
        Ok(())
    }
}

fn counter() -> Sessioned<Counter> {
    Sessioned::new(Counter::default(), LIMITS)
}

fn within(session: u64, sequence: u64, settled: u64, command: &[u8]) -> Vec<u8> {
    Envelope::Within { stub: Stub { session, sequence, settled }, command }.encode()
}

/// The replies to these payloads, as one batch that begins at an index; an answer is how many there had been.
fn replies(machine: &mut dyn StateMachine, from: u64, payloads: &[Vec<u8>]) -> Vec<Result<u64, String>> {
    let told = |bytes: &Vec<u8>| match Reply::decode(bytes).unwrap() {
        Reply::Done(answer) => Ok(u64::from_le_bytes(answer.try_into().unwrap())),
        other => Err(format!("{other:?}")),
    };
    apply(machine, from, payloads).iter().map(told).collect()
}

#[test]
fn a_request_that_comes_twice_is_carried_out_once_even_in_one_batch() {
    let mut machine = counter();
    let twice = [Envelope::Open.encode(), within(5, 1, 0, b"do"), within(5, 1, 0, b"do"), within(5, 2, 0, b"do"), within(5, 1, 0, b"do")];
    let opened = Err("Opened(5)".to_owned());
    assert_eq!(replies(&mut machine, 5, &twice), [opened, Ok(1), Ok(1), Ok(2), Ok(1)]);
    let later = [Envelope::Plain(b"do").encode(), Envelope::Plain(b"do").encode(), within(5, 1, 0, b"do"), within(5, 3, 2, b"do")];
    assert_eq!(replies(&mut machine, 10, &later), [Ok(3), Ok(4), Ok(1), Ok(5)]);
    let (settled, expired) = (Err("Settled".to_owned()), Err("Expired".to_owned()));
    assert_eq!(replies(&mut machine, 14, &[within(5, 1, 0, b"do"), within(6, 1, 0, b"do")]), [settled, expired]);
    assert_eq!(machine.machine().0, 5);
}

#[test]
fn an_entry_that_is_no_envelope_is_answered_and_stops_nothing() {
    let mut machine = counter();
    let nonsense = Err("Nonsense".to_owned());
    let payloads = [Vec::new(), vec![9], vec![1, 0], vec![2; 24], Envelope::Plain(b"do").encode()];
    assert_eq!(replies(&mut machine, 1, &payloads), [nonsense.clone(), nonsense.clone(), nonsense.clone(), nonsense, Ok(1)]);
}

#[test]
fn a_command_at_which_the_machine_fails_leaves_no_trace_in_its_session() {
    let mut machine = counter();
    apply(&mut machine, 1, &[Envelope::Open.encode()]);
    let before = state(&machine);
    let payloads = [within(1, 1, 0, b"fail"), within(1, 2, 0, b"do")];
    let batch: Vec<_> = (2..).zip(&payloads).map(|(index, payload)| Command { mark: mark(index), payload }).collect();
    let mut responses = Vec::new();
    let error = machine.apply_batch(&batch, &mut responses).unwrap_err();
    assert_eq!((error.index, responses.len(), state(&machine)), (Height(2), 0, before));
    machine.apply(b"").unwrap_err();
}

#[test]
fn a_restored_machine_knows_what_was_carried_out() {
    let mut machine = Sessioned::new(HashMapMachine::new(), LIMITS);
    apply(&mut machine, 1, &[Envelope::Open.encode(), within(1, 1, 0, &set("k", "v")), within(1, 2, 0, &get("k"))]);
    let bytes = state(&machine);
    let mut frozen = machine.snapshot().unwrap();
    let mut other = Sessioned::new(HashMapMachine::new(), LIMITS);
    other.restore(mark(3), &mut bytes.as_slice()).unwrap();
    assert_eq!((state(&other), other.sessions()), (bytes.clone(), machine.sessions()));
    let again = [within(1, 2, 0, &get("k")), within(1, 3, 2, &set("k", "w")), within(1, 2, 0, &get("k"))];
    assert_eq!(apply(&mut other, 4, &again), apply(&mut machine, 4, &again));
    assert_eq!(state(&other), state(&machine));
    let mut late = Vec::new();
    frozen.write_to(&mut late).unwrap();
    assert_eq!(late, bytes, "what was frozen stays as it was");
}

#[test]
fn a_state_that_is_not_whole_is_refused_and_changes_nothing() {
    let mut machine = Sessioned::new(HashMapMachine::new(), LIMITS);
    apply(&mut machine, 1, &[Envelope::Open.encode(), within(1, 1, 0, &set("k", "v"))]);
    let bytes = state(&machine);
    let mut other = Sessioned::new(HashMapMachine::new(), LIMITS);
    let before = state(&other);
    for end in 0..bytes.len() {
        assert!(other.restore(mark(2), &mut &bytes[..end]).is_err(), "cut at {end}");
    }
    let (mut long, mut version) = (bytes.clone(), bytes.clone());
    long[1..9].copy_from_slice(&u64::MAX.to_le_bytes());
    version[0] = 2;
    for broken in [long, version, [&bytes[..], &[0]].concat()] {
        assert!(other.restore(mark(2), &mut broken.as_slice()).is_err());
    }
    assert_eq!(state(&other), before);
}

/// What a client may do: a request, or the same again, of one of a few sessions.
fn requests() -> impl Strategy<Value = Vec<(u8, u8, u8)>> {
    vec((0..5_u8, 1..8_u8, 0..8_u8), 1..120)
}

proptest! {
    #[test]
    fn no_request_is_carried_out_twice_and_every_answer_is_the_first(requests in requests(), cut in any::<prop::sample::Index>()) {
        let (mut machine, cut) = (counter(), cut.index(requests.len()));
        let (mut sessions, mut done, mut answers) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
        for (nth, (session, sequence, settled)) in requests.iter().enumerate() {
            let at = nth as u64 + 1;
            if nth == cut {
                let bytes = state(&machine);
                machine = counter();
                machine.restore(mark(at), &mut bytes.as_slice()).unwrap();
                prop_assert_eq!(state(&machine), bytes);
            }
            let Some(session) = sessions.get(usize::from(*session)).copied() else {
                apply(&mut machine, at, &[Envelope::Open.encode()]);
                sessions.push(at);
                continue;
            };
            let count = machine.machine().0;
            let reply = replies(&mut machine, at, &[within(session, (*sequence).into(), (*settled).into(), b"do")]).remove(0);
            let carried_out = machine.machine().0 > count;
            let request = (session, *sequence);
            match reply {
                Ok(answer) if carried_out => {
                    prop_assert!(done.insert(request), "request {:?} was carried out twice", request);
                    answers.insert(request, answer);
                }
                Ok(answer) => prop_assert_eq!(answers.get(&request), Some(&answer)),
                Err(_) => prop_assert!(!carried_out),
            }
        }
    }

    #[test]
    fn the_fingerprint_is_the_same_whenever_it_is_asked_for(requests in requests(), asked in vec(any::<bool>(), 120)) {
        let (mut often, mut late) = (Sessions::new(LIMITS), Sessions::new(LIMITS));
        for (nth, (session, sequence, settled)) in requests.iter().enumerate() {
            let at = Height(nth as u64 + 1);
            let stub = Stub { session: (*session).into(), sequence: (*sequence).into(), settled: (*settled).into() };
            for table in [&mut often, &mut late] {
                if *sequence == 7 {
                    table.open(at);
                } else if table.look(at, stub) == quorate_storage::machine::sessions::Seen::Never {
                    table.keep(stub, &[*settled; 9]);
                }
            }
            if asked[nth] {
                let _ = often.fingerprint();
            }
        }
        prop_assert_eq!(&often, &late);
        prop_assert_eq!(often.fingerprint(), late.fingerprint());
        let mut bytes = Vec::new();
        late.encode(&mut bytes);
        let mut read = Sessions::decode(&mut quorate_core::codec::Reader::new("sessions", &bytes), LIMITS).unwrap();
        prop_assert_eq!(read.fingerprint(), late.fingerprint());
        prop_assert_eq!(read.answer_bytes(), late.answer_bytes());
    }
}
