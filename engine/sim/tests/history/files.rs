//! Files of histories: what is read is what stands there, and what does not belong there is answered with its line.

use proptest::prelude::*;
use quorate_sim::history::formats::{self, Format, ParseError, parse};
use quorate_sim::history::models::{Bytes, Call, Kind, Reply};
use quorate_sim::history::{Client, Moment, OpId, Outcome, Recorder};

use crate::{ABSENT, Story, append, delete, found, get, put, swap};

fn wrong(text: &str) -> ParseError {
    parse(text.as_bytes()).err().unwrap_or_else(|| panic!("it was read: {text}"))
}

#[test]
fn each_event_of_a_jepsen_log_is_read() {
    let log = "INFO  jepsen.util - 0\t:invoke\t:read\tnil\n\
               INFO  jepsen.util - 1\t:invoke\t:write\t4\n\
               INFO  jepsen.util - 0\t:ok\t:read\tnil\n\
               \n\
               INFO  jepsen.util - 1\t:info\t:write\t:timed-out\n\
               INFO  jepsen.util - 0\t:invoke\t:cas\t[4 2]\n\
               INFO  jepsen.util - 0\t:fail\t:cas\t[4 2]\n\
               INFO jepsen.util - 0 :invoke :cas [-4 2]\r\n\
               INFO jepsen.util - 0 :ok :cas [-4 2]\r\n\
               INFO jepsen.util - 1 :invoke :read nil\n\
               INFO jepsen.util - 1 :fail :read :timed-out\n";
    let parsed = parse(log.as_bytes()).expect("it is a log");
    assert_eq!((parsed.format, parsed.model), (Format::Jepsen, Kind::Register));
    let all = parsed.history.operations();
    let calls: Vec<&Call> = all.iter().map(|operation| &operation.call).collect();
    assert_eq!(calls, [&get(""), &put("", "4"), &swap("", Some("4"), Some("2")), &swap("", Some("-4"), Some("2")), &get("")]);
    let outcomes: Vec<_> = all.iter().map(|operation| operation.outcome.clone()).collect();
    let moment = |order, at| Moment { order, at };
    assert_eq!(outcomes[0], Outcome::Returned(moment(2, 3), ABSENT));
    assert_eq!(outcomes[1], Outcome::Unknown(Some(moment(3, 5))));
    assert_eq!(outcomes[2], Outcome::Returned(moment(5, 7), Reply::Applied(false)));
    assert_eq!(outcomes[3], Outcome::Returned(moment(7, 9), Reply::Applied(true)));
    assert_eq!(outcomes[4], Outcome::Failed(moment(9, 11)));
    assert_eq!((all[1].client, all[1].invoked), (Client(1), moment(1, 2)));
}

#[test]
fn each_event_of_a_map_in_edn_is_read() {
    let file = r#"{:process 0, :type :invoke, :f :append, :key "k", :value "a\n\"b\""}
                  {:type :invoke :process 1 :f :get :key "k" :value nil :time 12}
                  {:process 0, :type :info, :f :append, :key "k", :value nil, :error :timeout}
                  {:process 1, :type :ok, :f :get, :key "k", :value ""}
                  {:process 1, :type :invoke, :f :put, :key "", :value "ü"}
                  {:process 1, :type :fail, :f :put, :key "", :value "ü"}"#;
    let parsed = parse(file.as_bytes()).expect("it is a history");
    assert_eq!((parsed.format, parsed.model), (Format::Edn, Kind::Kv));
    let all = parsed.history.operations();
    let calls: Vec<&Call> = all.iter().map(|operation| &operation.call).collect();
    assert_eq!(calls, [&append("k", "a\n\"b\""), &get("k"), &put("", "ü")]);
    assert_eq!(all[1].reply(), Some(&found("")));
    assert!(matches!((&all[0].outcome, &all[2].outcome), (Outcome::Unknown(Some(_)), Outcome::Failed(_))));
}

#[test]
fn what_does_not_belong_there_is_answered_with_line_finding_and_expectation() {
    let jepsen = |line: &str| format!("INFO  jepsen.util - 0 :invoke :write 1\n{line}\n");
    let edn = |line: &str| format!("{{:process 0, :type :invoke, :f :put, :key \"k\", :value \"v\"}}\n{line}\n");
    let ours = |line: &str| {
        let begin = r#"{"invoke":0,"client":0,"at":1,"call":"get","key":"a"}"#;
        format!("{{\"history\":1,\"model\":\"store\"}}\n{begin}\n{line}\n")
    };
    let cases = [
        (jepsen("WARN what"), 2, "`WARN what`", "`INFO  jepsen.util - PROCESS"),
        (jepsen("INFO  jepsen.util - nemesis :info :start nil"), 2, "`nemesis`", "the number of a process"),
        (jepsen("INFO  jepsen.util - 0 :gone :write 1"), 2, "`:gone`", "one of :invoke, :ok, :fail and :info"),
        (jepsen("INFO  jepsen.util - 0 :ok :write 2"), 2, "the end of a put \"2\"", "a put \"1\""),
        (jepsen("INFO  jepsen.util - 0 :ok :read 2"), 2, "the end of a get", "a put \"1\""),
        (jepsen("INFO  jepsen.util - 0 :info :read nil"), 2, "`:read`", ":write"),
        (jepsen("INFO  jepsen.util - 0 :invoke :read nil"), 2, "another operation of process 0", "its end"),
        (jepsen("INFO  jepsen.util - 1 :ok :write 1"), 2, "process 1, which has none open", "an invocation"),
        (jepsen("INFO  jepsen.util - 1 :invoke :cas [1]"), 2, "`[1]`", "two numbers"),
        (jepsen("INFO  jepsen.util - 1 :invoke :write nil"), 2, "`nil`", "a number"),
        (edn("{:process 0, :type :ok, :f :put, :key \"l\", :value \"v\"}").replace(":key \"l\"", ":key k"), 2, "`k`", "a text"),
        (edn("{:process 0, :type :ok, :f :put, :value \"v\"}"), 2, "no :key", "a text in quotes"),
        (edn("{:process 0, :type :ok, :f :put, :key \"k\", :key \"k\"}"), 2, ":key twice", "each field once"),
        (edn("{:process 0, :type :ok, :f :put, :key \"k\", :value \"v}"), 2, "`\"v}`", "a closing quote"),
        (edn("{:process 0, :type :ok, :f :put, :key \"k\", :value \"v\"} x"), 2, "` x`", "the end of the line"),
        (edn("{:process 0, :type :ok, :f :put, :key \"k\", :value \"w\"}"), 2, "the end of a put \"w\"", "a put \"v\""),
        (edn("{:process 0, :type :info, :f :append, :key \"k\", :value nil}"), 2, "the end of a :append", "open put"),
        (edn("{:process 0, :kind :ok}"), 2, "`:kind`", "one of :process"),
        (ours(r#"{"return":0,"at":2}"#), 3, "the answer done to a get", "an answer of its kind"),
        (ours(r#"{"return":1,"at":2,"value":null}"#), 3, "operation 1 ends, but was never invoked", "can have happened"),
        (ours(r#"{"invoke":2,"client":0,"at":2,"call":"get","key":"a"}"#), 3, "operation 2", "the next one, 1"),
        (ours(r#"{"invoke":1,"client":0,"at":2,"call":"put","key":"a"}"#), 3, "no value", "the operation needs it"),
        (ours(r#"{"invoke":1,"client":0,"at":2,"call":"get","key":"a","value":"1"}"#), 3, "`{\"invoke\"", "only the fields"),
        (ours(r#"{"invoke":1,"client":0,"at":2,"call":"put","key":"a","value":{"hex":"0g"}}"#), 3, "`0g`", "hexadecimal"),
        (ours(r#"{"fail":0,"lost":0,"at":2}"#), 3, "`{\"fail\"", "one of invoke, return, fail and lost"),
        (ours(r#"{"at":2,"what":1}"#), 3, "`{\"at\"", "unknown field `what`"),
        ("{\"history\":2,\"model\":\"store\"}".into(), 1, "version 2", "1"),
        ("{\"history\":1,\"model\":\"queue\"}".into(), 1, "`queue`", "register, kv and store"),
        ("\n\nhello".into(), 3, "`hello`", "a history, which begins with"),
        (String::new(), 1, "nothing", "a history"),
    ];
    for (text, line, found, expected) in cases {
        let error = wrong(&text);
        let said = error.found.replace('\\', "");
        assert!(error.line == line && said.contains(found) && error.expected.contains(expected), "{error} for {text}");
    }
    let error = parse(b"INFO  jepsen.util - 0 :invoke :read nil\n\xff\xff").expect_err("it is no text");
    assert_eq!(error.to_string(), "line 2: found a byte that is no text, number 0 of the line; expected UTF-8");
    let long = wrong(&"x".repeat(10_000));
    assert!(long.to_string().len() < 300, "{long}");
}

#[test]
fn our_own_format_stays_as_it_is() {
    let mut story = Story::default();
    let put = story.invoke(3, put("a", "1"));
    let swap = story.invoke(3, Call::CompareAndSet { key: "a".into(), expected: None, new: Some(Bytes::from(&[0xff, 0][..])) });
    story.complete(put, Reply::Done);
    story.complete(swap, Reply::Applied(false));
    story.at_once(4, get("a"), found("1"));
    story.at_once(4, delete("a"), Reply::Applied(true));
    story.at_once(4, get("a"), ABSENT);
    let failed = story.invoke(4, delete("b"));
    story.fail(failed);
    let lost = story.invoke(5, append("b", "x"));
    story.lost(lost);
    story.invoke(5, get("b"));
    let history = story.told();
    let text = formats::lines::write(Kind::Store, &history);
    let expected = r#"{"history":1,"model":"store"}
{"invoke":0,"client":3,"at":1,"call":"put","key":"a","value":"1"}
{"invoke":1,"client":3,"at":2,"call":"compare-and-set","key":"a","expected":null,"new":{"hex":"ff00"}}
{"return":0,"at":3}
{"return":1,"at":4,"applied":false}
{"invoke":2,"client":4,"at":5,"call":"get","key":"a"}
{"return":2,"at":6,"value":"1"}
{"invoke":3,"client":4,"at":7,"call":"delete","key":"a"}
{"return":3,"at":8,"applied":true}
{"invoke":4,"client":4,"at":9,"call":"get","key":"a"}
{"return":4,"at":10,"value":null}
{"invoke":5,"client":4,"at":11,"call":"delete","key":"b"}
{"fail":5,"at":12}
{"invoke":6,"client":5,"at":13,"call":"append","key":"b","value":"x"}
{"lost":6,"at":14}
{"invoke":7,"client":5,"at":15,"call":"get","key":"b"}
"#;
    assert_eq!(text, expected);
    let parsed = parse(text.as_bytes()).expect("it was written here");
    assert_eq!((parsed.format, parsed.model, parsed.history), (Format::Lines, Kind::Store, history));
}

fn calls() -> impl Strategy<Value = Call> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..6).prop_map(Bytes::from);
    let maybe = move || proptest::option::of(bytes());
    prop_oneof![
        ".{0,4}".prop_map(|key| Call::Get { key }),
        (".{0,4}", bytes()).prop_map(|(key, value)| Call::Put { key, value }),
        (".{0,4}", bytes()).prop_map(|(key, value)| Call::Append { key, value }),
        ".{0,4}".prop_map(|key| Call::Delete { key }),
        (".{0,4}", maybe(), maybe()).prop_map(|(key, expected, new)| Call::CompareAndSet { key, expected, new }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(steps in proptest::collection::vec((calls(), any::<(u64, u64, u8)>()), 0..40)) {
        let mut recorder = Recorder::new();
        let mut open: Vec<(OpId, Call)> = Vec::new();
        for (call, (client, at, end)) in steps {
            if end % 2 == 0 {
                open.push((recorder.invoke(Client(client), call.clone(), at).expect("there is room"), call));
            } else if let Some((id, call)) = (!open.is_empty()).then(|| open.remove(usize::from(end) % open.len())) {
                let reply = match call {
                    Call::Get { .. } => ABSENT,
                    Call::CompareAndSet { .. } => Reply::Applied(end % 3 == 0),
                    _ => Reply::Done,
                };
                let ended = match end % 7 {
                    0 => recorder.fail(id, at),
                    2 => recorder.lost(id, at),
                    _ => recorder.complete(id, reply, at),
                };
                ended.expect("it is open");
            }
        }
        let history = recorder.history();
        let parsed = parse(formats::lines::write(Kind::Store, &history).as_bytes());
        prop_assert_eq!(parsed.map(|parsed| parsed.history), Ok(history));
    }

    #[test]
    fn no_text_makes_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100), head in 0..4_usize) {
        let heads = ["", "INFO  jepsen.util - 0 ", "{:process 0 ", "{\"history\":1,\"model\":\"kv\"}\n"];
        let bytes = [heads[head].as_bytes(), &bytes].concat();
        if let Err(error) = parse(&bytes) {
            prop_assert!(error.to_string().starts_with("line "));
        }
    }
}
