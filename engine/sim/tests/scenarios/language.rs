//! The commands of a scenario.
//!
//! | command | what happens |
//! |---|---|
//! | `set append_bytes 1` | a setting, before there are servers; times in milliseconds |
//! | `servers 1 2 3`, `learner 4`, `witness 3`, `priority 2 5` | who is in the group; the first other command founds it |
//! | `past 2 3 1 1 2` | server 2 has seen term 3, and its log has entries of these terms |
//! | `join 4` | a server that is not in the group starts |
//! | `tick 1 200ms` | so much time passes, and server 1 looks at its clock |
//! | `pass 200ms` | so much time passes, and nobody looks |
//! | `run 200ms` | so much time passes, everybody looks when it wants to, and messages arrive at once; they are not told |
//! | `stand 1` | as `tick`, after so long that everybody has given the leader up |
//! | `deliver`, `deliver 1>2`, `deliver 1>2 1` | all messages arrive, and what is answered; those on a link now; so many of these |
//! | `quiet` | as `deliver`, without telling the messages |
//! | `mail` | what is on its way |
//! | `drop 1>2`, `drop`, `double 1>2` | messages are lost; come twice |
//! | `hold 1>2`, `cut 1 \| 2 3`, `cut 1>2`, `heal`, `reset 1 2` | links hold back; are cut; are mended; connections are reset |
//! | `propose 1 hello`, `read 2 index`, `read 1 lease`, `transfer 1 2` | requests, numbered from 1 |
//! | `read 2 index 1` | a read with a number of its own |
//! | `reconfigure 1 1 2 4l` | other members, learners with an `l`, witnesses with a `w` |
//! | `slow 2`, `durable 2`, `durable 2 1`, `quick 2` | a disk is slow; has written; so many requests; is quick again |
//! | `stall 1`, `unstall 1` | a disk stands still; moves again |
//! | `crash 2`, `restart 2`, `compact 1 5` | a process ends; starts; takes a snapshot and gives up its log to there |
//! | `status`, `log`, `machines` | what all servers are; their logs; what was applied |

use std::time::Duration;

use quorate_core::ids::MemberId;
use quorate_protocol::raft::{Event, Part, Peer, ReadWay, Settings};
use quorate_sim::lab::{Lab, Mail, Past};

use crate::telling;

type Told = Result<Vec<String>, String>;

/// The servers, once there are some.
pub(crate) struct Stage {
    settings: Settings,
    peers: Vec<Peer>,
    pasts: Vec<(u64, Past)>,
    lab: Option<Lab>,
}

impl Default for Stage {
    fn default() -> Self {
        Self { settings: Settings::LAN, peers: Vec::new(), pasts: Vec::new(), lab: None }
    }
}

impl Stage {
    /// Does what a line says, and tells what comes of it.
    pub(crate) fn play(&mut self, line: &str) -> Told {
        let words: Vec<&str> = line.split_whitespace().collect();
        if self.found(&words)? {
            return Ok(Vec::new());
        }
        if self.lab.is_none() {
            self.lab = Some(Lab::with_pasts(self.peers.clone(), self.settings, &self.pasts));
        }
        let Some(lab) = &mut self.lab else { return Err("there are no servers".into()) };
        let mut told = Vec::new();
        let known = time(lab, &words)? || links(lab, &words)? || requests(lab, &words)? || machines(lab, &words)?;
        if !known && !mail(lab, &words, &mut told)? && !look(lab, &words, &mut told) {
            return Err(format!("{line:?} is no command"));
        }
        tell(lab, &mut told);
        Ok(told)
    }

    /// What comes before there are servers.
    fn found(&mut self, words: &[&str]) -> Result<bool, String> {
        match words {
            ["set", name, value] => self.set(name, number(value)?)?,
            ["servers", ids @ ..] => self.peers.extend(numbers(ids)?.into_iter().map(Peer::voter)),
            ["learner", id] => self.peers.push(Peer::learner(number(id)?)),
            ["witness", id] => self.peers.push(Peer::witness(number(id)?)),
            ["priority", id, priority] => {
                let (id, priority) = (MemberId(number(id)?), number(priority)?);
                let peer = self.peers.iter_mut().find(|peer| peer.id == id).ok_or("no such server")?;
                *peer = peer.with_priority(u8::try_from(priority).map_err(|error| error.to_string())?);
            }
            ["past", id, term, log @ ..] => self.pasts.push((number(id)?, Past { term: number(term)?, vote: None, log: numbers(log)? })),
            _ => return Ok(false),
        }
        if self.lab.is_some() { Err("the servers run already".into()) } else { Ok(true) }
    }

    fn set(&mut self, name: &str, value: u64) -> Result<(), String> {
        let (settings, size) = (&mut self.settings, value as usize);
        match name {
            "append_bytes" => settings.append_bytes = size,
            "inflight" => settings.inflight = size,
            "uncommitted_bytes" => settings.uncommitted_bytes = value,
            "command_bytes" => settings.command_bytes = size,
            "cache_bytes" => settings.cache_bytes = size,
            "reset_hint" => settings.reset_hint = Some(Duration::from_millis(value)),
            "election" => settings.election = Duration::from_millis(value),
            _ => return Err(format!("{name:?} is no setting")),
        }
        Ok(())
    }
}

fn number(word: &str) -> Result<u64, String> {
    word.parse().map_err(|_| format!("{word:?} is no number"))
}

fn numbers(words: &[&str]) -> Result<Vec<u64>, String> {
    words.iter().map(|word| number(word)).collect()
}

fn duration(word: &str) -> Result<Duration, String> {
    let millis = word.strip_suffix("ms").ok_or_else(|| format!("{word:?} is no time in ms"))?;
    number(millis).map(Duration::from_millis)
}

fn link(word: &str) -> Result<(u64, u64), String> {
    let (from, to) = word.split_once('>').ok_or_else(|| format!("{word:?} is no link"))?;
    Ok((number(from)?, number(to)?))
}

fn on((from, to): (u64, u64)) -> impl Fn(&Mail) -> bool {
    move |mail| (mail.from, mail.to) == (from, to)
}

fn time(lab: &mut Lab, words: &[&str]) -> Result<bool, String> {
    match words {
        ["tick", id, time] => lab.tick_after(number(id)?, duration(time)?),
        ["pass", time] => lab.pass(duration(time)?),
        ["run", time] => lab.run(duration(time)?),
        ["stand", id] => lab.stand(number(id)?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn mail(lab: &mut Lab, words: &[&str], told: &mut Vec<String>) -> Result<bool, String> {
    let (link, count) = match words {
        ["deliver"] => (None, usize::MAX),
        ["deliver", word] => {
            let link = link(word)?;
            (Some(link), lab.mail().iter().filter(|mail| on(link)(mail)).count())
        }
        ["deliver", word, count] => (Some(link(word)?), number(count)? as usize),
        _ => return Ok(false),
    };
    for _ in 0..count {
        let Some(mail) = lab.deliver_next(|mail| link.is_none_or(|link| on(link)(mail))) else { break };
        told.push(telling::mail(&mail));
        tell(lab, told);
    }
    Ok(true)
}

fn links(lab: &mut Lab, words: &[&str]) -> Result<bool, String> {
    match words {
        ["quiet"] => _ = lab.deliver(),
        ["drop"] => _ = lab.lose(|_| true),
        ["drop", word] => _ = lab.lose(on(link(word)?)),
        ["double", word] => {
            let which = on(link(word)?);
            let again: Vec<Mail> = lab.mail().iter().filter(|mail| which(mail)).cloned().collect();
            again.into_iter().for_each(|mail| lab.post(mail));
        }
        ["hold", word] => {
            let (from, to) = link(word)?;
            lab.hold(from, to);
        }
        ["cut", word] => {
            let (from, to) = link(word)?;
            lab.cut(from, to);
        }
        ["cut", sides @ ..] => {
            let at = sides.iter().position(|word| *word == "|").ok_or("two sides have a | between them")?;
            lab.part(&numbers(&sides[..at])?, &numbers(&sides[at + 1..])?);
        }
        ["heal"] => lab.heal(),
        ["reset", one, other] => lab.reset(number(one)?, number(other)?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn requests(lab: &mut Lab, words: &[&str]) -> Result<bool, String> {
    match words {
        ["propose", id, command] => _ = lab.propose(number(id)?, command),
        ["read", id, "index"] => _ = lab.read(number(id)?, ReadWay::Index),
        ["read", id, "index", ticket] => lab.happen(number(id)?, Event::Read { ticket: number(ticket)?, way: ReadWay::Index }),
        ["read", id, "lease"] => _ = lab.read(number(id)?, ReadWay::Lease),
        ["transfer", id, to] => _ = lab.transfer(number(id)?, number(to)?),
        ["reconfigure", id, peers @ ..] => {
            let peers = peers.iter().map(|word| peer(word)).collect::<Result<Vec<Peer>, String>>()?;
            lab.reconfigure(number(id)?, peers);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn peer(word: &str) -> Result<Peer, String> {
    let part = match word.trim_start_matches(|digit: char| digit.is_ascii_digit()) {
        "" => Part::Voter,
        "l" => Part::Learner,
        "w" => Part::Witness,
        other => return Err(format!("{other:?} is no part in a group")),
    };
    let id = number(word.trim_end_matches(['l', 'w']))?;
    Ok(Peer { part, ..Peer::voter(id) })
}

fn machines(lab: &mut Lab, words: &[&str]) -> Result<bool, String> {
    match words {
        ["join", id] => lab.join(number(id)?),
        ["slow", id] => lab.slow_disk(number(id)?),
        ["quick", id] => lab.quick_disk(number(id)?),
        ["durable", id] => lab.settle(number(id)?, usize::MAX),
        ["durable", id, count] => lab.settle(number(id)?, number(count)? as usize),
        ["stall", id] => lab.stall(number(id)?, true),
        ["unstall", id] => lab.stall(number(id)?, false),
        ["crash", id] => lab.crash(number(id)?),
        ["restart", id] => lab.restart(number(id)?),
        ["compact", id, index] => lab.compact(number(id)?, number(index)?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn look(lab: &Lab, words: &[&str], told: &mut Vec<String>) -> bool {
    let what: fn(&Lab, u64) -> String = match words {
        ["mail"] => {
            told.extend(lab.mail().iter().map(telling::mail));
            return true;
        }
        ["status"] => status,
        ["log"] => |lab, id| {
            let floor = if lab.runs(id) { telling::mark(lab.raft(id).floor()) } else { "down".to_owned() };
            format!("{floor} | {}", lab.log(id).iter().map(telling::entry).collect::<Vec<_>>().join(", "))
        },
        ["machines"] => |lab, id| lab.machine(id).join(" "),
        _ => return false,
    };
    told.extend(lab.ids().into_iter().map(|id| format!("{id}: {}", what(lab, id)).trim_end().to_owned()));
    true
}

fn status(lab: &Lab, id: u64) -> String {
    if !lab.runs(id) {
        return "down".to_owned();
    }
    let raft = lab.raft(id);
    let whom = raft.vote().map_or("nobody".to_owned(), |id| id.to_string());
    let leader = raft.leader().map_or("nobody".to_owned(), |id| id.to_string());
    let (role, last) = (telling::role(raft.role()), telling::mark(raft.last()));
    format!("{role} in term {}, voted for {whom}, leader {leader}, log to {last}, committed {}", raft.term(), raft.commit())
}

/// Tells what the servers did since the last time.
fn tell(lab: &mut Lab, told: &mut Vec<String>) {
    for (id, deed) in lab.take_deeds() {
        told.extend(telling::deed(id, &deed));
    }
}
