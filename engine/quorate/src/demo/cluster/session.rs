//! One run of the demo, whoever watches: the nodes, the load, the clock, what is seen on the way, and the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use miette::{IntoDiagnostic as _, WrapErr as _};
use quorate_kv::Revision;
use quorate_node::KV;
use quorate_node::client::{Client, ClientConfig, Timeouts};
use tokio::runtime::{self, Runtime};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::check::{self, Findings};
use super::chronicle::{Chronicle, Tone};
use super::crew::Crew;
use super::gaze::Gaze;
use super::home::Home;
use super::load::Loader;
use super::meter::{Meter, SAMPLE_EVERY, Samples};
use super::model::{Model, Totals};
use super::options::Options;
use super::plan::{Plan, SIGN, node_name, profile_path};
use super::ports::{self, Reserved};
use super::sight::{self, Sight, State};
use super::summary::Summary;
use super::{hints, ledger::Promise};

/// A gap between acknowledgements that is worth a word.
const GAP: Duration = Duration::from_millis(100);
/// How long the nodes may take until one leads.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often old versions of keys are forgotten, so that a long run does not fill the memory.
const COMPACT_EVERY: Duration = Duration::from_secs(5);
/// How long a client waits for a word of a member that owes it one.
const SILENCE: Duration = Duration::from_millis(500);

/// A run.
pub(crate) struct Session {
    /// When it ends by itself.
    pub(crate) limit: Option<Duration>,
    /// What happened.
    pub(crate) chronicle: Chronicle,
    options: Options,
    plan: Plan,
    interrupted: Arc<AtomicBool>,
    launched: Instant,
    began: Instant,
    loader: Loader,
    meter: Arc<Meter>,
    samples: Samples,
    sampled: Instant,
    sights: Vec<Sight>,
    faults: Vec<String>,
    client: Client,
    config: ClientConfig,
    janitor: AbortHandle,
    news: (mpsc::UnboundedSender<(Tone, String)>, mpsc::UnboundedReceiver<(Tone, String)>),
    // What follows is dropped in this order: nobody asks nodes that are gone, and no node writes into a directory that is.
    gaze: Gaze,
    crew: Crew,
    runtime: Runtime,
    home: Home,
    _ports: Reserved,
}

impl Session {
    /// Starts the nodes and the load.
    pub(crate) fn begin(
        options: &Options,
        limit: Option<Duration>,
        interrupted: Arc<AtomicBool>,
        launched: Instant,
    ) -> miette::Result<Self> {
        let (mut home, plan, ports) = prepare(options)?;
        if options.keep {
            home.keep();
        }
        let threads = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8);
        let runtime = runtime::Builder::new_multi_thread().worker_threads(threads).thread_name("quorate-demo").enable_all().build();
        let runtime = runtime.into_diagnostic().wrap_err("cannot start threads")?;
        let config = ClientConfig::read(&profile_path(home.path())).into_diagnostic()?;
        let config = ClientConfig { timeouts: Timeouts { silence: SILENCE, ..config.timeouts }, ..config };
        let crew = Crew::start(&plan, home.path().to_owned(), runtime.handle().clone(), options.processes)?;
        let gaze = Gaze::begin(runtime.handle(), &plan, &config);
        let meter = Arc::new(Meter::default());
        let prefix = format!("demo/{}", plan.runs);
        let loader = Loader::new(runtime.handle().clone(), config.clone(), Arc::clone(&meter), prefix);
        let client = {
            let _runtime = runtime.enter();
            Client::begin(config.clone())
        };
        let janitor = runtime.spawn(forget_old(client.clone())).abort_handle();
        let now = Instant::now();
        let mut session = Self {
            limit,
            chronicle: Chronicle::default(),
            options: options.clone(),
            plan,
            interrupted,
            launched,
            began: now,
            loader,
            meter,
            samples: Samples::default(),
            sampled: now,
            sights: Vec::new(),
            faults: Vec::new(),
            client,
            config,
            janitor,
            news: mpsc::unbounded_channel(),
            gaze,
            crew,
            runtime,
            home,
            _ports: ports,
        };
        session.await_leader()?;
        session.loader.set(options.load);
        Ok(session)
    }

    /// Waits until the cluster has a leader. Nodes that do not even start are no cluster.
    fn await_leader(&mut self) -> miette::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.look();
            if sight::leader(&self.sights).is_some() || self.interrupted.load(Ordering::Relaxed) {
                (self.began, self.sampled) = (Instant::now(), Instant::now());
                return Ok(());
            }
            if let Some(why) = self.crew.stillborn() {
                return Err(miette::miette!("{why}"));
            }
            if Instant::now() > deadline {
                return Err(miette::miette!(
                    "no node leads after {PATIENCE:?}; something on this machine keeps nodes apart, or it is very slow"
                ));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sees how the nodes are, and takes a sample when it is time.
    pub(crate) fn tick(&mut self) {
        self.crew.look_after();
        self.faults.extend(self.crew.take_notes());
        self.look();
        let at = self.elapsed();
        while let Ok((tone, text)) = self.news.1.try_recv() {
            self.chronicle.note(at, tone, text);
        }
        let in_time = self.sampled.elapsed();
        if in_time >= SAMPLE_EVERY {
            self.sampled = Instant::now();
            self.sample(in_time);
        }
    }

    fn look(&mut self) {
        let sight = |node: u64| {
            let (state, since) = self.crew.state(node);
            let said = self.gaze.at(node, since);
            // A process that runs is up once it says so.
            Sight { state: if state == State::Up { said.state } else { state }, ..said }
        };
        self.sights = self.plan.nodes().map(sight).collect();
        self.chronicle.look(self.began.elapsed(), &self.sights);
    }

    fn sample(&mut self, in_time: Duration) {
        let tally = self.meter.take();
        if tally.longest_gap >= GAP {
            let text = format!("no writes for {} ms", tally.longest_gap.as_millis());
            self.chronicle.note(self.elapsed(), Tone::Notice, text);
        }
        self.samples.push(tally, in_time);
    }

    /// Whether the time is up, or somebody wants it to end.
    pub(crate) fn is_over(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed) || self.limit.is_some_and(|limit| self.elapsed() >= limit)
    }

    /// How long there has been a cluster.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// What is on the screen now.
    pub(crate) fn model(&self, events: usize, help: bool) -> Model {
        let total = &self.samples.total;
        Model {
            shape: self.shape(),
            elapsed: self.elapsed(),
            limit: self.limit,
            load: Some(self.loader.load()),
            nodes: self.sights.clone(),
            rates: self.samples.rates(),
            tails: self.samples.tails(),
            now: self.samples.now(),
            total: Totals {
                commits: total.writes.count(),
                reads: total.reads.count(),
                rejected: total.rejected,
                unknown: total.unknown,
                leader_changes: self.chronicle.leader_changes,
            },
            events: self.chronicle.latest(events),
            hints: self.hints(),
            can_pause: self.crew.can_pause(),
            help,
            faults: self.all_faults(),
        }
    }

    /// What this cluster is, in words.
    pub(crate) fn shape(&self) -> Vec<String> {
        let nodes = self.plan.ports.len();
        let place = if self.options.processes { "own processes" } else { "one process" };
        let nodes = format!("{nodes} node{}", if nodes == 1 { "" } else { "s" });
        vec![self.plan.protocol.name().into(), nodes, "TLS".into(), self.plan.durability.name().into(), place.into()]
    }

    /// Where to look and what to type.
    pub(crate) fn hints(&self) -> Vec<super::model::Hint> {
        hints::of(&self.plan, self.home.path())
    }

    /// The numbers of the nodes' processes, where they have some of their own.
    pub(crate) fn process_ids(&self) -> Vec<(u64, u32)> {
        self.plan.nodes().filter_map(|node| Some((node, self.crew.process_id(node)?))).collect()
    }

    fn all_faults(&self) -> Vec<String> {
        let mut faults = self.faults.clone();
        faults.extend(self.meter.faults());
        faults
    }

    /// Kills the leader without a word.
    pub(crate) fn kill_leader(&mut self) {
        match sight::leader(&self.sights).map(|leader| leader.node) {
            Some(node) => self.crew.kill(node),
            None => self.chronicle.note(self.began.elapsed(), Tone::Notice, "there is no leader to kill"),
        }
        self.look();
    }

    /// Has another node lead, in good order.
    pub(crate) fn transfer(&mut self) {
        let (client, news) = (self.client.clone(), self.news.0.clone());
        self.runtime.spawn(async move {
            let outcome = client.transfer(KV, None).await;
            let told = match outcome {
                Ok(to) => (Tone::Notice, format!("handed over to {}", node_name(to.0))),
                Err(error) => (Tone::Bad, format!("not handed over: {error}")),
            };
            // Nobody listens any more when the demo ends.
            let _ = news.send(told);
        });
    }

    /// Makes the clients do something else.
    pub(crate) fn next_load(&mut self) {
        let load = self.loader.load().next();
        self.loader.set(load);
        self.chronicle.note(self.elapsed(), Tone::Notice, format!("load: {}", load.name()));
    }

    /// Stops a follower in its tracks, or lets it go on.
    pub(crate) fn toggle_pause(&mut self) {
        let follower = self.sights.iter().rev().find(|sight| sight.state == State::Up && !sight.leads());
        match self.crew.paused().or(follower.map(|sight| sight.node)) {
            Some(node) if self.crew.can_pause() => self.crew.toggle_pause(node),
            Some(_) => self.chronicle.note(self.elapsed(), Tone::Notice, "pausing takes --processes"),
            None => self.chronicle.note(self.elapsed(), Tone::Notice, "there is no follower to pause"),
        }
        self.look();
    }

    /// Ends the load, examines what the cluster holds, stops the nodes, and says what it all came to.
    pub(crate) fn finish(mut self) -> miette::Result<Summary> {
        let seconds = self.elapsed().as_secs_f64();
        self.look();
        self.crew.revive_all();
        self.janitor.abort();
        let mut promises = self.loader.finish();
        self.samples.push(self.meter.take(), SAMPLE_EVERY);
        promises.extend(std::mem::take(&mut self.plan.promises));
        let Findings { keys, faults } = self.runtime.block_on(check::examine(&self.plan, &self.config, &promises));
        self.faults.extend(self.crew.take_notes());
        self.faults.extend(self.meter.faults());
        self.faults.extend(faults);
        drop(self.gaze);
        self.runtime.block_on(self.client.close());
        self.faults.extend(self.crew.stop());
        if self.home.is_kept() {
            self.plan.promises = to_remember(promises);
            self.plan.write(self.home.path())?;
        }
        self.runtime.shutdown_timeout(Duration::from_secs(1));
        let (total, chronicle) = (&self.samples.total, &self.chronicle);
        Ok(Summary {
            protocol: self.plan.protocol,
            nodes: self.plan.ports.len(),
            processes: self.options.processes,
            durability: self.plan.durability,
            load: self.options.load,
            seconds,
            first_commit_ms: self.meter.first().map(|first| first.saturating_duration_since(self.launched).as_millis() as u64),
            commits: total.writes.count(),
            reads: total.reads.count(),
            throughput_per_second: total.writes.count() as f64 / seconds.max(1e-3),
            p50_us: total.writes.quantile_us(0.5),
            p99_us: total.writes.quantile_us(0.99),
            max_us: total.writes.most_us(),
            read_p50_us: total.reads.quantile_us(0.5),
            read_p99_us: total.reads.quantile_us(0.99),
            rejected: total.rejected,
            unknown: total.unknown,
            leader_changes: chronicle.leader_changes,
            elections: chronicle.elections,
            kills: chronicle.kills,
            checked_keys: keys,
            errors: self.faults,
            data: self.home.is_kept().then(|| self.home.path().to_owned()),
        })
    }
}

/// The directory, the cluster in it and its ports.
fn prepare(options: &Options) -> miette::Result<(Home, Plan, Reserved)> {
    let home = match &options.data {
        Some(path) => Home::given(path, SIGN)?,
        None => Home::temporary()?,
    };
    let (mut plan, ports) = match Plan::read(home.path())? {
        Some(plan) => {
            plan.expect(options)?;
            let ports = ports::reserve_again(&plan.ports)?;
            (plan, ports)
        }
        None => {
            let ports = ports::reserve(Plan::nodes_wanted(options), options.client_port)?;
            (Plan::new(options, ports.nodes.clone()), ports)
        }
    };
    plan.runs += 1;
    plan.write(home.path())?;
    plan.write_files(home.path())?;
    Ok((home, plan, ports))
}

/// What the next demo is to look for: as much as is read and written in a moment, the newest keys first.
fn to_remember(mut promises: Vec<Promise>) -> Vec<Promise> {
    const MOST: usize = 10_000;
    promises.truncate(MOST);
    promises
}

/// Forgets what was before the last round, again and again.
async fn forget_old(client: Client) {
    let (kv, mut before) = (client.kv(), None::<Revision>);
    loop {
        tokio::time::sleep(COMPACT_EVERY).await;
        // Whatever is in the way passes; the next round forgets more.
        let Ok(now) = kv.revision().await else { continue };
        if let Some(before) = before.replace(now).filter(|before| *before < now) {
            let _ = kv.compact(before).await;
        }
    }
}
