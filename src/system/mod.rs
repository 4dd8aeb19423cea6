//! What the machine is at: processors, memory, network, disks.
//!
//! Rates are those since the sample before, so a [`Sampler`] belongs to one reader. A sample takes about 2 ms on a busy
//! machine, most of it for `/proc/net` and `/proc/mounts`; it waits for nothing.

use std::collections::HashSet;
use std::time::Instant;
use sysinfo::{DiskRefreshKind, Disks, Networks, System};

/// One reading.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sample {
    /// Seconds since the sample before: what the rates are over.
    pub elapsed_s: f64,
    /// Share of the time that each core was busy, from 0 to 1. Empty where the system does not tell.
    pub cores: Vec<f32>,
    /// Bytes of memory that could not be had by a new program.
    pub memory_used: u64,
    /// Bytes of memory.
    pub memory_total: u64,
    /// Bytes of swap in use.
    pub swap_used: u64,
    /// Bytes of swap.
    pub swap_total: u64,
    /// Bytes a second that came in by all interfaces but loopback.
    pub received: f64,
    /// Bytes a second that went out by all interfaces but loopback.
    pub sent: f64,
    /// Bytes a second that went over loopback.
    pub loopback: f64,
    /// Bytes a second that were read from disks; `None` where none of them tells, as in some containers.
    pub disk_read: Option<f64>,
    /// Bytes a second that were written to disks.
    pub disk_written: Option<f64>,
}

/// Reads the system's counters.
pub struct Sampler {
    system: System,
    networks: Networks,
    disks: Disks,
    before: Instant,
}

impl Sampler {
    /// Begins; the first sample's rates are those since now.
    pub fn new() -> Self {
        let mut system = System::new();
        system.refresh_cpu_usage();
        let io_usage = DiskRefreshKind::nothing().with_io_usage();
        Self {
            system,
            networks: Networks::new_with_refreshed_list(),
            disks: Disks::new_with_refreshed_list_specifics(io_usage),
            before: Instant::now(),
        }
    }

    /// The state now. Processor shares are at least 200 ms old where samples follow each other faster.
    pub fn sample(&mut self) -> Sample {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        self.networks.refresh(true);
        self.disks.refresh_specifics(true, DiskRefreshKind::nothing().with_io_usage());
        let elapsed_s = self.before.elapsed().as_secs_f64().max(1e-6);
        self.before = Instant::now();
        let mut sample = Sample {
            elapsed_s,
            cores: self.system.cpus().iter().map(|core| core.cpu_usage() / 100.0).collect(),
            // What caches hold can be had.
            memory_used: self.system.total_memory().saturating_sub(self.system.available_memory()),
            memory_total: self.system.total_memory(),
            swap_used: self.system.used_swap(),
            swap_total: self.system.total_swap(),
            ..Sample::default()
        };
        for (name, network) in &self.networks {
            if is_loopback(name) {
                sample.loopback += network.received() as f64 / elapsed_s;
            } else {
                sample.received += network.received() as f64 / elapsed_s;
                sample.sent += network.transmitted() as f64 / elapsed_s;
            }
        }
        // A disk is there once for each place where it is mounted.
        let mut seen = HashSet::new();
        for disk in &self.disks {
            let usage = disk.usage();
            if usage.total_read_bytes + usage.total_written_bytes == 0 || !seen.insert(disk.name()) {
                continue;
            }
            *sample.disk_read.get_or_insert(0.0) += usage.read_bytes as f64 / elapsed_s;
            *sample.disk_written.get_or_insert(0.0) += usage.written_bytes as f64 / elapsed_s;
        }
        sample
    }
}

impl Default for Sampler {
    fn default() -> Self {
        Self::new()
    }
}

/// By the names that Linux, macOS and Windows give it.
fn is_loopback(name: &str) -> bool {
    name == "lo" || name == "lo0" || name.starts_with("Loopback")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn a_sample_tells_of_this_machine() {
        let sample = Sampler::new().sample();
        assert!(sample.memory_total > 0);
        assert!(sample.memory_used > 0 && sample.memory_used <= sample.memory_total);
        assert!(!sample.cores.is_empty());
        assert!(sample.cores.iter().all(|share| (0.0..=1.0).contains(share)), "{:?}", sample.cores);
    }

    #[test]
    fn bytes_over_loopback_show_and_are_no_traffic_of_the_network() {
        let mut sampler = Sampler::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(&[1; 65536]).unwrap();
        server.read_exact(&mut [0; 65536]).unwrap();
        let sample = sampler.sample();
        assert!(sample.loopback * sample.elapsed_s >= 65536.0, "{sample:?}");
    }

    #[test]
    fn rates_are_those_since_the_sample_before() {
        let mut sampler = Sampler::new();
        sampler.sample();
        let elapsed = sampler.sample().elapsed_s;
        assert!(elapsed < 60.0 && elapsed > 0.0);
    }
}
