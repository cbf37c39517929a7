//! Runs the stages natively: inputs on standard input, results on standard output.

use std::io::Read;
use std::time::Instant;

fn main() {
    let mut inputs = String::new();
    std::io::stdin().read_to_string(&mut inputs).expect("inputs");
    let began = Instant::now();
    println!("{}", bench_stages::run(&inputs, &|| began.elapsed().as_secs_f64() * 1e6));
}
