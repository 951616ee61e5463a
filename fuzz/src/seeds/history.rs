//! A short history in each format, with every kind of operation and of end.

use super::Seed;

const JEPSEN: &str = "INFO  jepsen.util - 0\t:invoke\t:read\tnil
INFO  jepsen.util - 1\t:invoke\t:write\t4
INFO  jepsen.util - 0\t:ok\t:read\tnil
INFO  jepsen.util - 1\t:ok\t:write\t4
INFO  jepsen.util - 0\t:invoke\t:cas\t[4 2]
INFO  jepsen.util - 1\t:invoke\t:cas\t[3 1]
INFO  jepsen.util - 1\t:fail\t:cas\t[3 1]
INFO  jepsen.util - 0\t:info\t:cas\t:timed-out
INFO  jepsen.util - 2\t:invoke\t:read\tnil
INFO  jepsen.util - 2\t:ok\t:read\t2
";

const EDN: &str = r#"{:process 0, :type :invoke, :f :append, :key "0", :value "x 0 0 y"}
{:process 1, :type :invoke, :f :put, :key "0", :value "\"\n"}
{:process 0, :type :ok, :f :append, :key "0", :value "x 0 0 y"}
{:process 1, :type :info, :f :put, :key "0", :value nil, :error :timeout}
{:process 0, :type :invoke, :f :get, :key "0", :value nil, :time 12}
{:process 0, :type :ok, :f :get, :key "0", :value "x 0 0 y"}
"#;

const LINES: &str = r#"{"history":1,"model":"store"}
{"invoke":0,"client":3,"at":17,"call":"put","key":"a","value":"1"}
{"invoke":1,"client":4,"at":18,"call":"compare-and-set","key":"a","expected":null,"new":{"hex":"ff00"}}
{"return":0,"at":20}
{"return":1,"at":21,"applied":false}
{"invoke":2,"client":3,"at":22,"call":"delete","key":"a"}
{"lost":2,"at":23}
{"invoke":3,"client":3,"at":24,"call":"get","key":"a"}
{"return":3,"at":25,"value":null}
{"invoke":4,"client":3,"at":26,"call":"get","key":"a"}
{"fail":4,"at":27}
"#;

pub(super) fn all() -> Vec<Seed> {
    let seed = |name, text: &str| Seed { target: "history", name, bytes: text.as_bytes().to_vec() };
    vec![seed("jepsen", JEPSEN), seed("edn", EDN), seed("json_lines", LINES)]
}
