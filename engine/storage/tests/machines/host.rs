//! Hosts: order, gaps, and machines that fail.

use std::io;
use std::sync::{Arc, Mutex};

use quorate_core::ids::{Height, PartitionId};
use quorate_env::disk::MemoryDisk;
use quorate_storage::machine::{
    BatchError, Command, HashMapMachine, Host, HostError, MachineError, Reason, Response, SnapshotSource, StateMachine, TableMachine,
};
use quorate_storage::{Entry, Mark};

use super::{entry, get, mark, set};

/// How a machine misbehaves when it sees `bad`.
#[derive(Clone, Copy)]
enum Fault {
    Error,
    Panic,
    Silence,
    Chatter,
}

/// Writes down what it is given.
struct Faulty {
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
    fault: Option<Fault>,
}

impl StateMachine for Faulty {
    fn apply(&mut self, command: &[u8]) -> Result<Vec<u8>, MachineError> {
        match self.fault {
            Some(Fault::Error) if command == b"bad" => return Err(MachineError::Refused("a bug".into())),
            Some(Fault::Panic) if command == b"bad" => panic!("another bug"),
            _ => {}
        }
        self.seen.lock().unwrap().push(command.to_vec());
        Ok(command.to_vec())
    }

    fn apply_batch(&mut self, batch: &[Command<'_>], responses: &mut Vec<Vec<u8>>) -> Result<(), BatchError> {
        for command in batch {
            if matches!(self.fault, Some(Fault::Silence)) && command.payload == b"bad" {
                break;
            }
            let response = self.apply(command.payload).map_err(|problem| BatchError { index: command.mark.index, problem })?;
            responses.push(response);
            if matches!(self.fault, Some(Fault::Chatter)) {
                responses.push(Vec::new());
            }
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn SnapshotSource>, MachineError> {
        panic!("no snapshots here")
    }

    fn restore(&mut self, _at: Mark, _from: &mut dyn io::Read) -> Result<(), MachineError> {
        Err(MachineError::Refused("no".into()))
    }
}

fn entries(range: std::ops::Range<u64>, bad: u64) -> Vec<Entry> {
    range.map(|index| entry(index, if index == bad { b"bad".to_vec() } else { index.to_string().into_bytes() })).collect()
}

#[test]
fn a_machine_that_fails_in_the_middle_of_a_batch_stops_its_partition_and_no_other() {
    for fault in [Fault::Error, Fault::Panic, Fault::Silence] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut host = Host::new(PartitionId(1), Box::new(Faulty { seen: Arc::clone(&seen), fault: Some(fault) }));
        let mut other = Host::new(PartitionId(2), Box::new(Faulty { seen: Arc::default(), fault: None }));
        let mut responses = Vec::new();
        host.apply(&entries(1..4, 0), &mut responses).unwrap();
        let error = host.apply(&entries(4..9, 6), &mut responses).unwrap_err();
        let HostError::Stopped(stopped) = error else { panic!("{error}") };
        assert_eq!((stopped.partition, stopped.index, host.applied()), (PartitionId(1), Height(6), mark(5)));
        assert_eq!(responses.last(), Some(&Response { mark: mark(5), bytes: b"5".to_vec() }));
        assert_eq!((responses.len(), seen.lock().unwrap().len()), (5, 5));

        // Every later call says so, and reaches the machine no more.
        let said = stopped.to_string();
        assert_eq!(host.apply(&entries(6..9, 0), &mut responses).unwrap_err().to_string(), said);
        assert_eq!(host.snapshot().map(drop).unwrap_err().to_string(), said);
        assert_eq!(host.sync().unwrap_err().to_string(), said);
        assert_eq!(host.restore(mark(9), &mut io::empty()).unwrap_err().to_string(), said);
        assert_eq!((responses.len(), seen.lock().unwrap().len()), (5, 5));

        other.apply(&entries(1..9, 6), &mut responses).unwrap();
        assert_eq!(other.applied(), mark(8));

        // Mended code applies the same entries.
        let mut mended = Host::new(PartitionId(1), Box::new(Faulty { seen: Arc::default(), fault: None }));
        mended.apply(&entries(1..9, 6), &mut Vec::new()).unwrap();
        assert_eq!(mended.applied(), mark(8));
    }
}

#[test]
fn a_panic_says_what_it_said() {
    let mut host = Host::new(PartitionId(3), Box::new(Faulty { seen: Arc::default(), fault: Some(Fault::Panic) }));
    let error = host.apply(&entries(1..2, 1), &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "partition 3 has stopped at entry 1: the state machine panicked: another bug");
    let mut host = Host::new(PartitionId(3), Box::new(Faulty { seen: Arc::default(), fault: None }));
    assert!(matches!(host.snapshot().map(drop), Err(HostError::Stopped(stopped)) if matches!(stopped.reason, Reason::Panicked(_))));
}

#[test]
fn a_machine_that_answers_more_than_it_was_asked_is_not_believed() {
    let mut host = Host::new(PartitionId(3), Box::new(Faulty { seen: Arc::default(), fault: Some(Fault::Chatter) }));
    let mut responses = Vec::new();
    let error = host.apply(&entries(1..4, 0), &mut responses).unwrap_err();
    assert!(error.to_string().contains("6 responses to 3 commands"), "{error}");
    assert_eq!((responses.len(), host.applied()), (0, Mark::default()));
}

#[test]
fn a_gap_is_refused_and_nothing_of_it_is_applied() {
    let mut host = Host::new(PartitionId(1), Box::new(HashMapMachine::new()));
    let mut responses = Vec::new();
    for wrong in [vec![2], vec![1, 3], vec![1, 2, 2], vec![1, 2, 1]] {
        let entries: Vec<_> = wrong.into_iter().map(|index| entry(index, set("a", index))).collect();
        assert!(matches!(host.apply(&entries, &mut responses), Err(HostError::Gap { .. })));
    }
    assert_eq!((responses.len(), host.applied()), (0, Mark::default()));
    host.apply(&[entry(1, set("a", "1")), entry(2, get("a"))], &mut responses).unwrap();
    assert_eq!(responses.len(), 2);
}

#[test]
fn entries_that_the_machine_has_are_skipped() {
    let disk = MemoryDisk::new();
    let entries: Vec<_> = (1..=8).map(|index| entry(index, set(index, index))).collect();
    let mut host = Host::new(PartitionId(1), Box::new(TableMachine::open(&disk, "state").unwrap()));
    host.apply(&entries[..5], &mut Vec::new()).unwrap();
    host.sync().unwrap();
    drop(host);
    let mut host = Host::new(PartitionId(1), Box::new(TableMachine::open(&disk, "state").unwrap()));
    assert_eq!(host.applied(), mark(5));
    let mut responses = Vec::new();
    host.apply(&entries, &mut responses).unwrap();
    assert_eq!(responses.iter().map(|response| response.mark.index.0).collect::<Vec<_>>(), [6, 7, 8]);
}

#[test]
fn an_entry_of_another_history_is_refused() {
    let mut host = Host::new(PartitionId(1), Box::new(HashMapMachine::new()));
    host.apply(&[entry(1, set("a", "1"))], &mut Vec::new()).unwrap();
    let mut other = entry(1, set("a", "2"));
    other.mark.term.0 += 1;
    assert!(matches!(host.apply(&[other], &mut Vec::new()), Err(HostError::OtherTerm { .. })));
    let mut older = entry(2, set("a", "2"));
    older.mark.term.0 = 0;
    assert!(matches!(host.apply(&[older], &mut Vec::new()), Err(HostError::OtherTerm { .. })));
    host.apply(&[entry(2, get("a"))], &mut Vec::new()).unwrap();
}
