//! Runs the stages natively: inputs on standard input, results on standard output.

use std::io::Read;

use rustix::time::{ClockId, clock_gettime};

/// Processor time of this thread, in microseconds.
fn now() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

fn main() {
    let mut inputs = String::new();
    std::io::stdin().read_to_string(&mut inputs).expect("inputs");
    println!("{}", bench_stages::run(&inputs, &now));
}
