//! The thread that syncs the log, so that the shard goes on meanwhile: what comes during a sync is written by the next, all together.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use quorate_storage::log::Log;
use quorate_storage::{LogError, LogStore as _, Sequence};
use tokio::sync::mpsc as tokio_mpsc;

/// What is asked of it.
enum Order {
    Sync(Sequence),
    Prepare,
}

/// A sync that has ended.
pub(crate) struct Synced {
    /// Up to where the log is durable.
    pub(crate) outcome: Result<Sequence, LogError>,
    pub(crate) took: Duration,
}

/// The thread. It ends when this is dropped.
pub(crate) struct Disk {
    orders: Option<mpsc::Sender<Order>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Disk {
    /// Starts it.
    pub(crate) fn start(log: Arc<Log>) -> std::io::Result<(Self, tokio_mpsc::UnboundedReceiver<Synced>)> {
        let (orders, ordered) = mpsc::channel();
        let (tell, told) = tokio_mpsc::unbounded_channel();
        let thread = thread::Builder::new().name("quorate-disk".into()).spawn(move || {
            while let Ok(order) = ordered.recv() {
                match order {
                    Order::Sync(upto) => {
                        let begun = Instant::now();
                        // The log may have synced more, which was not asked for when this began: nobody relies on that.
                        let outcome = log.sync(upto).map(|()| log.durable().min(upto));
                        if tell.send(Synced { outcome, took: begun.elapsed() }).is_err() {
                            return;
                        }
                    }
                    // If there is no room, the append that needs it will say so.
                    Order::Prepare => drop(log.prepare()),
                }
            }
        })?;
        Ok((Self { orders: Some(orders), thread: Some(thread) }, told))
    }

    /// Asks for a sync. There is one under way at a time.
    pub(crate) fn sync(&self, upto: Sequence) {
        self.order(Order::Sync(upto));
    }

    /// Has segments made ready.
    pub(crate) fn prepare(&self) {
        self.order(Order::Prepare);
    }

    fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // It ends only when this does, or when nobody listens any more.
            let _ = orders.send(order);
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
